// SPDX-License-Identifier: Apache-2.0
// Images come in from one thread, at memory speed, and go compressed into a zip. Three parties share the work:
//
//   capture   fills frames (begin, space, filled, end); never waits
//   workers   compress full frames; asleep until compress_now() or until memory runs short, and then at low priority:
//             while the tree is frozen they would take the processors from CRIU
//   writer    hands one entry after the other to the ZipWriter, which appends it while it is still being compressed
//
// When memory runs short before the images are complete, the writer starts with what is complete or else with the
// largest image that is not, and space() is empty until frames are free again (back-pressure). Memory: the pool, and at
// most 64 MiB beside it.
#pragma once

#include "cedana/archive/captured_image.hpp"
#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/frame_pool.hpp"
#include "cedana/archive/frame_supply.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/model/image_stream.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct ImageWriterOptions {
    Method method = Method::zstd;
    int level = 1;
    // 0: one a core, up to eight, which compress faster than a disk takes it.
    unsigned threads = 0;
    // How long nothing may come in while somebody waits for memory that only more input can free.
    std::chrono::milliseconds patience = std::chrono::seconds(30);
    // Before the names in the archive, unless they are hidden.
    std::string folder = "images/";
    // How the names of images begin that may be written before they have ended. CRIU's others stay open to the end of
    // the dump, so waiting for their end would stop everything.
    std::vector<std::string> flowing = {"pages-", "ghost-file-"};
    // With which frames are encrypted; null: not at all.
    std::shared_ptr<const Seal> seal = nullptr;
};

class ImageWriter : public ImageSink {
  public:
    // Both must outlive this.
    ImageWriter(ZipWriter& zip, FramePool& pool, ImageWriterOptions options);
    ImageWriter(const ImageWriter&) = delete;
    ImageWriter& operator=(const ImageWriter&) = delete;
    // Ends the threads; without finish() the archive is not complete.
    ~ImageWriter() override;

    int begin(const std::string& name) override;
    // Throws what stopped the workers or the writer, and Error(Fault::environment) if the pool is too small for what
    // cannot be written yet.
    [[nodiscard]] std::span<std::byte> space(int image) override;
    void filled(int image, std::size_t count) override;
    void end(int image) override;
    [[nodiscard]] int space_ready() const override { return space_ready_.fd(); }

    // The tree runs again, or must wait for the archive: full speed from here on.
    void compress_now();
    // Waits until every image is in the archive; all must have ended. Throws what went wrong, or
    // Error(Fault::interrupted).
    // `progress`: told now and then how much has been compressed; may be null.
    [[nodiscard]] FrameIndex finish(const Interrupt& interrupt, Progress* progress = nullptr);

    // Uncompressed bytes that are in the archive so far.
    [[nodiscard]] std::uint64_t bytes_done() const;

  private:
    void tell(Progress& progress) const;
    class Entry;

    void end_threads();
    [[nodiscard]] CapturedImage& image_at(int number) { return *images_.at(number); }
    [[nodiscard]] bool open_frame(CapturedImage& image);
    [[nodiscard]] bool starving();
    [[nodiscard]] Overdraft overdraft_for(const CapturedImage& image);
    [[nodiscard]] CapturedImage* image_to_encode();
    [[nodiscard]] std::vector<CapturedImage*> choose_images();
    [[nodiscard]] std::vector<CapturedImage*> next_batch();
    void batch_written(const std::vector<CapturedImage*>& images);
    [[nodiscard]] std::span<const std::byte> next_piece(CapturedImage& image);
    void wait_for_progress(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready);
    void wake_capture();
    void fail(std::exception_ptr failure);
    void run_worker();
    void run_writer();

    ZipWriter& zip_;
    ImageWriterOptions options_;
    EventFd space_ready_;
    EventFd finished_;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable progress_;
    FrameSupply supply_;
    // By number; those that are in the archive are gone.
    std::map<int, std::unique_ptr<CapturedImage>> images_;
    int last_number_ = 0;
    // What is being written, without those of which every frame was given to a worker. Only the last may not have
    // ended.
    std::deque<CapturedImage*> batch_;
    FrameIndex index_;
    std::exception_ptr failure_;
    // Frames that are being compressed or wait for the writer.
    std::size_t backlog_ = 0;
    // Of ended images that are not written yet.
    std::size_t beside_ = 0;
    std::uint64_t bytes_taken_ = 0;
    std::uint64_t bytes_done_ = 0;
    bool capture_waits_ = false;
    bool writer_waits_ = false;
    // Whose next piece the writer waits for.
    const CapturedImage* writing_ = nullptr;
    bool full_speed_ = false;
    bool all_begun_ = false;
    bool stop_ = false;
    int usual_priority_;
    // Threads at the lowest priority.
    std::set<pid_t> low_workers_;
    std::vector<std::thread> threads_;
};

} // namespace cedana
