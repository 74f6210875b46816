// SPDX-License-Identifier: Apache-2.0
// Images out of a checkpoint, decompressed ahead of whoever reads them. Each frame's digest or sum is compared before
// the decoder, and so before anybody else, sees it. Many images are read at once, each strictly forward; every one that
// is open has room for at least one frame, whatever the others hold, so none ever waits for another.
#pragma once

#include "cedana/archive/frame_budget.hpp"
#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/frame_reader.hpp"
#include "cedana/archive/frame_stream.hpp"
#include "cedana/archive/open_streams.hpp"
#include "cedana/archive/read_ahead.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/worker_threads.hpp"
#include "cedana/model/image_stream.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>

namespace cedana {

struct ImageReaderOptions {
    // 0: one a core.
    unsigned threads = 0;
    // For frames decompressed ahead, beside the one that each open image is sure of.
    std::uint64_t buffer = 64UL * 1024 * 1024;
    // Before the names in the archive.
    std::string folder = "images/";
    // Images that are here are read as if they held these parts alone, and nothing between.
    ImageParts parts = {};
    // Of all images, compared in place of digests (FrameReader); null: digests.
    const FrameSums* sums = nullptr;
};

class ImageReader : public ImageSource {
  public:
    // Both must outlive this. Throws Error(Fault::checkpoint) if an image of the index is not in the archive as the
    // index says.
    ImageReader(const ZipReader& zip, const FrameIndex& index, ImageReaderOptions options);
    ImageReader(const ImageReader&) = delete;
    ImageReader& operator=(const ImageReader&) = delete;
    ~ImageReader() override = default;

    [[nodiscard]] bool exists(const std::string& name) override;
    // May be called again for the same image. Reads a small one at once. Throws if there is none, and as ready() does.
    int open(const std::string& name) override;
    // Throws what went wrong: Error(Fault::checkpoint) for a damaged frame.
    [[nodiscard]] std::span<const std::byte> ready(int stream) override;
    void passed(int stream, std::size_t count) override;
    void released(int stream, std::size_t count) override;
    [[nodiscard]] bool at_end(int stream) override;
    // What was passed and not released is unmapped, not used again: a pipe may still refer to it.
    void close(int stream) override;
    [[nodiscard]] int data_ready() const override { return data_ready_.fd(); }

    // Begins to decompress images that will be asked for (the pages), as far as half of the buffer goes.
    void read_ahead();

  private:
    [[nodiscard]] SharedStream make_stream(const ImageRecord& record) const;
    [[nodiscard]] SharedStream stream_to_feed();
    [[nodiscard]] bool is_one_to_feed();
    void wake_worker();
    void wake_workers();
    void feed(FrameStream& stream, std::unique_lock<std::mutex>& lock, FrameReader& reader);
    void run_worker(std::unique_lock<std::mutex>& lock);

    const ZipReader& zip_;
    const FrameIndex& index_;
    ImageReaderOptions options_;
    EventFd data_ready_;

    // Guards all that follows.
    mutable std::mutex mutex_;
    std::condition_variable work_;
    OpenStreams streams_;
    ReadAhead ahead_;
    FrameBudget budget_;
    // For small images; not for the threads.
    FrameReader own_reader_;
    // Ends before the rest.
    WorkerThreads threads_;
};

} // namespace cedana
