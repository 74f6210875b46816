// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_queue.hpp"

#include "cedana/base/error.hpp"

#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// What an image costs beside its bytes.
constexpr std::size_t k_image_cost = 1024;
// Ended small images beyond this are written even if the pool has room.
constexpr std::size_t k_most_beside = 8UL * 1024 * 1024;

} // namespace

CapturedImage& ImageQueue::add(const std::string& name, std::shared_ptr<const Seal> seal) {
    auto image = std::make_unique<CapturedImage>();
    image->record.name = name;
    if (seal)
        image->record.entry = seal->next_entry();
    image->record.seal = std::move(seal);
    image->number = ++last_number_;
    return *images_.emplace(last_number_, std::move(image)).first->second;
}

void ImageQueue::add_bytes(CapturedImage& image, std::size_t count) {
    CapturedFrame& frame = *image.frames.back();
    frame.size += count;
    image.record.size += count;
    bytes_added_ += count;
    if (frame.size == k_frame_size)
        frame.state = FrameState::full;
}

void ImageQueue::end(CapturedImage& image) {
    image.beside = k_image_cost;
    if (!image.frames.empty()) {
        CapturedFrame& last = *image.frames.back();
        last.position = Position::last;
        last.state = FrameState::full;
        image.beside += last.own.size();
    }
    beside_ += image.beside;
    image.ended = true;
}

void ImageQueue::close() {
    for (const auto& [number, image] : images_)
        if (!image->ended)
            throw Error(Fault::internal, fmt::format("the image {} has not ended", image->record.name));
    closed_ = true;
}

CapturedImage* ImageQueue::next_to_encode() {
    while (!batch_.empty() && batch_.front()->given_out())
        batch_.pop_front();
    return !batch_.empty() && backlog_ < k_most_backlog && batch_.front()->encodable() ? batch_.front() : nullptr;
}

CapturedFrame& ImageQueue::take_frame(CapturedImage& image) {
    CapturedFrame& frame = *image.frames[image.next_to_encode++];
    frame.state = FrameState::encoding;
    ++backlog_;
    return frame;
}

std::unique_ptr<CapturedFrame> ImageQueue::take_encoded(CapturedImage& image) {
    std::unique_ptr<CapturedFrame> frame = image.take_first();
    --backlog_;
    bytes_written_ += frame->size;
    return frame;
}

bool ImageQueue::is_crowded() const { return beside_ > k_most_beside; }

std::vector<CapturedImage*> ImageQueue::choose(const Need& need) const {
    if (!need.full_speed && !need.memory_is_short && !is_crowded())
        return {};
    std::vector<CapturedImage*> chosen;
    CapturedImage* largest = nullptr;
    bool frees_frames = false;
    for (const auto& [number, image] : images_) {
        if (image->ended) {
            chosen.push_back(image.get());
            frees_frames |= !image->small();
            continue;
        }
        if (image->flows(flowing_) && (!largest || image->record.size > largest->record.size))
            largest = image.get();
    }
    const bool has_time = need.full_speed && chosen.empty();
    if ((need.memory_is_short || has_time) && !frees_frames && largest != nullptr)
        chosen.push_back(largest);
    // Every batch writes a directory of all that is in the archive, so small images alone are no reason for one.
    else if (!need.full_speed && !is_crowded() && !frees_frames)
        chosen.clear();
    return chosen;
}

void ImageQueue::begin_batch(const std::vector<CapturedImage*>& images) {
    for (CapturedImage* image : images)
        image->record.method = image->method(usual_);
    batch_.assign(images.begin(), images.end());
}

std::vector<ImageRecord> ImageQueue::end_batch(const std::vector<CapturedImage*>& images) {
    batch_.clear();
    std::vector<ImageRecord> written;
    for (CapturedImage* image : images) {
        beside_ -= image->beside;
        written.push_back(std::move(image->record));
        images_.erase(image->number);
    }
    return written;
}

} // namespace cedana
