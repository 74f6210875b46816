// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_check.hpp"

#include "cedana/archive/frame_reader.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace cedana {

namespace {

// The frames of all images, given out one by one to several threads.
class FramesInTurn {
  public:
    explicit FramesInTurn(const FrameIndex& index) : index_(index), image_(index.images.begin()) {}

    void work(const ZipReader& zip, const std::string& folder, const Interrupt& interrupt) noexcept {
        try {
            FrameReader reader(zip, folder);
            for (Turn turn = next(); turn.image != nullptr; turn = next()) {
                interrupt.throw_if_pending();
                reader.check(*turn.image, turn.frame);
            }
        } catch (...) {
            const std::scoped_lock lock(mutex_);
            image_ = index_.images.end();
            if (!failure_)
                failure_ = std::current_exception();
        }
    }
    void rethrow() const {
        if (failure_)
            std::rethrow_exception(failure_);
    }

  private:
    struct Turn {
        const ImageRecord* image = nullptr;
        std::size_t frame = 0;
    };
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

    const FrameIndex& index_;
    std::mutex mutex_;
    std::set<ImageRecord, ByName>::const_iterator image_;
    std::size_t frame_ = 0;
    std::exception_ptr failure_;
};

} // namespace

void check_frames(const ZipReader& zip, const FrameIndex& index, const std::string& folder, unsigned threads,
                  const Interrupt& interrupt) {
    FramesInTurn frames(index);
    std::vector<std::jthread> workers;
    for (unsigned i = 1; i < (threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency())); ++i)
        workers.emplace_back([&] { frames.work(zip, folder, interrupt); });
    frames.work(zip, folder, interrupt);
    workers.clear();
    frames.rethrow();
}

} // namespace cedana
