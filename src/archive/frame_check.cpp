// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_check.hpp"

#include "cedana/archive/frame_reader.hpp"
#include "cedana/base/parallel.hpp"

#include <mutex>
#include <set>
#include <stop_token>

namespace cedana {

namespace {

// The frames of all images, given out one by one to several threads.
class FramesInTurn {
  public:
    explicit FramesInTurn(const FrameIndex& index) : index_(index), image_(index.images.begin()) {}

    struct Turn {
        const ImageRecord* image = nullptr;
        std::size_t frame = 0;
    };
    // Without an image at the end.
    Turn next() {
        const std::scoped_lock lock(mutex_);
        while (image_ != index_.images.end() && frame_ == image_->frames.size()) {
            ++image_;
            frame_ = 0;
        }
        if (image_ == index_.images.end())
            return {};
        return {.image = &*image_, .frame = frame_++};
    }

  private:
    const FrameIndex& index_;
    std::mutex mutex_;
    std::set<ImageRecord, ByName>::const_iterator image_;
    std::size_t frame_ = 0;
};

} // namespace

void check_frames(const ZipReader& zip, const FrameIndex& index, const std::string& folder, unsigned threads,
                  const Interrupt& interrupt) {
    FramesInTurn frames(index);
    const unsigned readers = threads != 0 ? threads : core_count();
    parallel(readers, readers, [&](std::size_t, const std::stop_token& stop) {
        FrameReader reader(zip, folder);
        for (auto turn = frames.next(); turn.image != nullptr && !stop.stop_requested(); turn = frames.next()) {
            interrupt.throw_if_pending();
            reader.check(*turn.image, turn.frame);
        }
    });
}

} // namespace cedana
