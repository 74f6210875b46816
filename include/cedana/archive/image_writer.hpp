// SPDX-License-Identifier: Apache-2.0
// Images come in from one thread, at memory speed, and go compressed into a zip. Three parties share the work:
//
//   capture   fills frames (begin, space, filled, end); never waits
//   workers   compress full frames; asleep until compress_now() or until memory runs short, and then at low priority:
//             while the tree is frozen they would take the processors from CRIU
//   writer    hands one entry after the other to the ZipWriter, which appends it while it is still being compressed;
//             compresses small ones by itself
//
// When memory runs short before the images are complete, the writer starts with what is complete or else with the
// largest image that is not, and space() is empty until frames are free again (back-pressure). Memory: the pool, and at
// most 64 MiB beside it.
#pragma once

#include "cedana/archive/back_pressure.hpp"
#include "cedana/archive/captured_image.hpp"
#include "cedana/archive/codec.hpp"
#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/frame_pool.hpp"
#include "cedana/archive/frame_sums.hpp"
#include "cedana/archive/frame_supply.hpp"
#include "cedana/archive/image_queue.hpp"
#include "cedana/archive/paced_level.hpp"
#include "cedana/archive/worker_speed.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/worker_threads.hpp"
#include "cedana/model/image_stream.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

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
    std::vector<std::string> flowing = {"pages-", "ghost-file-", "container-"};
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
    ~ImageWriter() override = default;

    // From now on the level of zstd rises while the disk, or who hears of what is written, is slower (PacedLevel).
    // Before the first image.
    void pace() { paced_level_.emplace(options_.level); }
    // What need not be compressed again; must outlive this. Before the first image.
    void use(const FramesAhead& ahead) { ahead_ = &ahead; }

    int begin(const std::string& name) override;
    // Throws what stopped the workers or the writer, and Error(Fault::environment) if the pool is too small for what
    // cannot be written yet.
    [[nodiscard]] std::span<std::byte> space(int image) override;
    void filled(int image, std::size_t count) override;
    void refer(int image, std::span<const std::byte> bytes) override;
    void end(int image) override;
    [[nodiscard]] int space_ready() const override { return pressure_.space_ready(); }

    // The tree runs again, or must wait for the archive: full speed from here on.
    void compress_now();
    // Waits until every image is in the archive; all must have ended. Throws what went wrong, or
    // Error(Fault::interrupted).
    // `progress`: hears now and then how much has been compressed; may be null.
    [[nodiscard]] FrameIndex finish(const Interrupt& interrupt, Progress* progress = nullptr);

    // After finish(): those of its images, if they are not encrypted.
    [[nodiscard]] const FrameSums& sums() const noexcept { return sums_; }

    // Uncompressed bytes that are in the archive so far.
    [[nodiscard]] std::uint64_t bytes_done() const;

  private:
    class Entry;
    // Of one worker.
    struct Encoders {
        std::map<std::pair<Method, int>, FrameEncoder> by_level;
        PageMemory scratch;
    };

    [[nodiscard]] bool open_frame(CapturedImage& image);
    [[nodiscard]] int next_level(Method method);
    void wake_worker();
    void run_worker(std::unique_lock<std::mutex>& lock);
    void encode_next(CapturedImage& image, Encoders& encoders, std::unique_lock<std::mutex>& lock);
    void run_writer();
    [[nodiscard]] std::vector<CapturedImage*> next_batch();
    [[nodiscard]] bool is_writers_own(const CapturedImage& image) const;
    void batch_written(const std::vector<CapturedImage*>& images);
    [[nodiscard]] std::span<const std::byte> next_piece(CapturedImage& image);
    void wait_for_progress(std::unique_lock<std::mutex>& lock, const CapturedImage* image,
                           const std::function<bool()>& ready);
    void wake_all();
    void report_to(Progress& progress) const;

    ZipWriter& zip_;
    ImageWriterOptions options_;
    const FramesAhead* ahead_ = nullptr;
    EventFd finished_;
    // For the writer's thread alone.
    Encoders writers_encoders_;

    // Guards all that follows.
    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable progress_;
    FrameSupply supply_;
    ImageQueue queue_;
    BackPressure pressure_;
    WorkerSpeed speed_;
    // Absent: it is always the same.
    std::optional<PacedLevel> paced_level_;
    // Frames that are being compressed.
    std::size_t encoding_ = 0;
    FrameIndex index_;
    FrameSums sums_;
    // Ends before the rest.
    WorkerThreads threads_;
};

} // namespace cedana
