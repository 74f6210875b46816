// SPDX-License-Identifier: Apache-2.0
// Images out of a checkpoint, decompressed ahead of whoever reads them. Each frame's digest is compared before the
// decoder, and so before anybody else, sees it. Many images are read at once, each strictly forward; every one that is
// open has room for at least one frame, whatever the others hold, so none ever waits for another.
#pragma once

#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/frame_reader.hpp"
#include "cedana/archive/frame_stream.hpp"
#include "cedana/archive/page_memory.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/model/image_stream.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

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
};

class ImageReader : public ImageSource {
  public:
    // Both must outlive this. Throws Error(Fault::checkpoint) if an image of the index is not in the archive as the
    // index says.
    ImageReader(const ZipReader& zip, const FrameIndex& index, ImageReaderOptions options);
    ImageReader(const ImageReader&) = delete;
    ImageReader& operator=(const ImageReader&) = delete;
    ~ImageReader() override;

    [[nodiscard]] bool exists(const std::string& name) override;
    // May be called again for the same image. Reads nothing itself. Throws if there is none.
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
    void end_threads();
    [[nodiscard]] SharedStream stream_to_feed();
    [[nodiscard]] SharedStream open_in_turn();
    [[nodiscard]] SharedStream ahead_in_turn();
    [[nodiscard]] SharedStream make_stream(const ImageRecord& record) const;
    void feed(FrameStream& stream, std::unique_lock<std::mutex>& lock, FrameReader& reader);
    void run_worker();

    const ZipReader& zip_;
    const FrameIndex& index_;
    ImageReaderOptions options_;
    EventFd data_ready_;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    // Open ones, by number.
    std::map<int, SharedStream> streams_;
    int last_stream_ = 0;
    // The number of the stream that was fed last, for taking turns.
    int turn_ = 0;
    // Read ahead and not open yet, by name.
    std::map<std::string_view, SharedStream> ahead_;
    std::string_view ahead_turn_;
    // The next image that reading ahead comes to.
    std::set<ImageRecord, ByName>::const_iterator next_ahead_;
    // Asked for before reading ahead came to them.
    std::set<std::string_view> asked_for_;
    std::size_t frames_held_ = 0;
    std::vector<PageMemory> spare_;
    std::exception_ptr failure_;
    bool stop_ = false;
    std::vector<std::thread> threads_;
};

} // namespace cedana
