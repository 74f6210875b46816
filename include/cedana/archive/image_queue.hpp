// SPDX-License-Identifier: Apache-2.0
// The images of a dump on their way into the archive: which frame is compressed next, and which images are written
// next, as one batch. Not for several threads: ImageWriter guards it.
#pragma once

#include "cedana/archive/captured_image.hpp"
#include "cedana/archive/codec.hpp"
#include "cedana/archive/frame_index.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cedana {

class ImageQueue {
  public:
    // Why images are to be written now.
    struct Need {
        bool memory_is_short = false;
        // The tree runs again, or waits for the archive.
        bool full_speed = false;
    };

    // `usual`: how an image is compressed unless it is small. `flowing`: how the names of images begin that may be
    // written before they have ended.
    ImageQueue(Method usual, std::vector<std::string> flowing) : usual_(usual), flowing_(std::move(flowing)) {}

    // `seal`: null if the image is not encrypted.
    CapturedImage& add(const std::string& name, std::shared_ptr<const Seal> seal);
    [[nodiscard]] CapturedImage& at(int number) { return *images_.at(number); }
    // `count` bytes have come into the room of its last frame.
    void add_bytes(CapturedImage& image, std::size_t count);
    // All of its bytes have come; its memory is trimmed already.
    void end(CapturedImage& image);
    // No image is added any more. Throws Error(Fault::internal) if one has not ended.
    void close();
    // Every image is in the archive.
    [[nodiscard]] bool is_done() const { return closed_ && images_.empty(); }

    // The image of the batch whose next frame is to be compressed; null if there is none now.
    [[nodiscard]] CapturedImage* next_to_encode();
    // Its next frame, which is being compressed from now on.
    [[nodiscard]] CapturedFrame& take_frame(CapturedImage& image);
    // Its first frame, which must be encoded: it goes into the archive.
    [[nodiscard]] std::unique_ptr<CapturedFrame> take_encoded(CapturedImage& image);
    // Of the images that are written now, one has frames that no worker has.
    [[nodiscard]] bool is_writing() const { return !batch_.empty(); }
    // Small images that have ended take so much memory that they are to be written though there is room for more.
    [[nodiscard]] bool is_crowded() const;
    // Some frame is being compressed or waits for the writer.
    [[nodiscard]] bool has_backlog() const { return backlog_ != 0; }
    // How many of them, at most k_most_backlog.
    [[nodiscard]] std::size_t backlog() const { return backlog_; }
    static constexpr std::size_t k_most_backlog = 16;

    // What is to be written next: all that has ended. When memory is short and that frees none, and at full speed when
    // nothing has ended, the largest image that has not ended. Empty: nothing yet.
    [[nodiscard]] std::vector<CapturedImage*> choose(const Need& need) const;
    void begin_batch(const std::vector<CapturedImage*>& images);
    // They are in the archive, and are gone after this.
    [[nodiscard]] std::vector<ImageRecord> end_batch(const std::vector<CapturedImage*>& images);

    // Uncompressed bytes that have come so far.
    [[nodiscard]] std::uint64_t bytes_added() const { return bytes_added_; }
    // How many of these are in the archive.
    [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }

  private:
    Method usual_;
    std::vector<std::string> flowing_;
    // By number; those that are in the archive are gone.
    std::map<int, std::unique_ptr<CapturedImage>> images_;
    int last_number_ = 0;
    bool closed_ = false;
    // What is written now, without the images of which a worker has every frame. Only the last may still be open.
    std::deque<CapturedImage*> batch_;
    // Frames that are being compressed or wait for the writer.
    std::size_t backlog_ = 0;
    // Memory beside the pool that ended images hold until they are written.
    std::size_t beside_ = 0;
    std::uint64_t bytes_added_ = 0;
    std::uint64_t bytes_written_ = 0;
};

} // namespace cedana
