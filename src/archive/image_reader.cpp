// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_reader.hpp"

#include "cedana/archive/image_check.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cstring>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// Of a frame that begins at `start` of its image: moves what lies in `parts` to its front; how much that is.
std::size_t keep_parts(std::span<std::byte> frame, std::uint64_t start, const std::vector<ByteRange>& parts) {
    std::size_t kept = 0;
    auto part = std::ranges::upper_bound(parts, start, {}, &ByteRange::to);
    for (; part != parts.end() && part->from < start + frame.size(); ++part) {
        const std::uint64_t from = std::max(part->from, start) - start;
        const std::uint64_t to = std::min(part->to - start, static_cast<std::uint64_t>(frame.size()));
        std::memmove(frame.data() + kept, frame.data() + from, to - from);
        kept += to - from;
    }
    return kept;
}

} // namespace

ImageReader::ImageReader(const ZipReader& zip, const FrameIndex& index, ImageReaderOptions options)
    : zip_(zip), index_(index), options_(std::move(options)), next_ahead_(index_.images.end()) {
    for (const ImageRecord& record : index_.images)
        require_entry(zip_, record, options_.folder);
    zip_.expect_forward_reading();
    const unsigned workers = options_.threads != 0 ? options_.threads : core_count();
    try {
        for (unsigned i = 0; i < workers; ++i)
            threads_.emplace_back([this] { run_worker(); });
    } catch (...) {
        end_threads();
        throw;
    }
}

ImageReader::~ImageReader() { end_threads(); }

void ImageReader::end_threads() {
    {
        const std::scoped_lock lock(mutex_);
        stop_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
}

SharedStream ImageReader::make_stream(const ImageRecord& record) const {
    const auto parts = options_.parts.find(record.name);
    return std::make_shared<FrameStream>(record, parts == options_.parts.end() ? nullptr : &parts->second);
}

bool ImageReader::exists(const std::string& name) { return index_.find(name) != nullptr; }

int ImageReader::open(const std::string& name) {
    const ImageRecord* record = index_.find(name);
    if (record == nullptr)
        throw Error(Fault::internal, fmt::format("no image {}", printable(name)));
    const std::scoped_lock lock(mutex_);
    SharedStream stream;
    if (const auto ahead = ahead_.find(record->name); ahead != ahead_.end()) {
        stream = std::move(ahead->second);
        ahead_.erase(ahead);
    } else {
        stream = make_stream(*record);
        asked_for_.insert(record->name);
    }
    streams_.emplace(++last_stream_, std::move(stream));
    // What was read ahead may have had to stop for want of buffer; now it has a frame for itself.
    work_.notify_all();
    return last_stream_;
}

void ImageReader::read_ahead() {
    const std::scoped_lock lock(mutex_);
    next_ahead_ = index_.images.begin();
    work_.notify_all();
}

std::span<const std::byte> ImageReader::ready(int number) {
    const std::scoped_lock lock(mutex_);
    if (failure_)
        std::rethrow_exception(failure_);
    const FrameStream& stream = *streams_.at(number);
    const auto slot = stream.slots.find(stream.current);
    if (slot == stream.slots.end() || !slot->second->decoded)
        return {};
    return slot->second->data().subspan(stream.passed);
}

void ImageReader::passed(int number, std::size_t count) {
    const std::scoped_lock lock(mutex_);
    FrameStream& stream = *streams_.at(number);
    const auto slot = stream.slots.find(stream.current);
    if (slot == stream.slots.end() || !slot->second->decoded || count > slot->second->size - stream.passed)
        throw Error(Fault::internal, "more of an image was taken than was there");
    stream.passed += count;
    if (stream.passed < slot->second->size)
        return;
    ++stream.current;
    stream.passed = 0;
    work_.notify_one();
}

void ImageReader::released(int number, std::size_t count) {
    constexpr std::size_t k_spare = 16;
    const std::scoped_lock lock(mutex_);
    FrameStream& stream = *streams_.at(number);
    stream.released += count;
    while (!stream.slots.empty()) {
        const auto oldest = stream.slots.begin();
        if (oldest->first >= stream.current || stream.released < oldest->second->size)
            return;
        stream.released -= oldest->second->size;
        if (spare_.size() < k_spare && oldest->second->memory.bytes().size() == k_frame_size)
            spare_.push_back(std::move(oldest->second->memory));
        stream.slots.erase(oldest);
        --frames_held_;
        work_.notify_one();
    }
}

bool ImageReader::at_end(int number) {
    const std::scoped_lock lock(mutex_);
    const FrameStream& stream = *streams_.at(number);
    return stream.current == stream.frames.size();
}

void ImageReader::close(int number) {
    const std::scoped_lock lock(mutex_);
    const auto found = streams_.find(number);
    FrameStream& stream = *found->second;
    stream.closed = true;
    // A frame that is just being decoded is counted off by its worker.
    for (const auto& [frame, slot] : stream.slots)
        if (slot->decoded)
            --frames_held_;
    streams_.erase(found);
    work_.notify_all();
}

// First whoever has nothing (its reserved frame); then, while the buffer lasts, the open ones in turn, and last, in
// half of it, what is read ahead.
SharedStream ImageReader::stream_to_feed() {
    for (const auto& [number, stream] : streams_)
        if (stream->next == stream->current && stream->wants_more())
            return stream;
    const std::size_t most = options_.buffer / k_frame_size;
    if (frames_held_ >= most)
        return nullptr;
    if (SharedStream stream = open_in_turn())
        return stream;
    return frames_held_ < most / 2 ? ahead_in_turn() : nullptr;
}

SharedStream ImageReader::open_in_turn() {
    const auto wants_more = [](const auto& entry) { return entry.second->wants_more(); };
    const auto after = streams_.upper_bound(turn_);
    auto found = std::find_if(after, streams_.end(), wants_more);
    if (found == streams_.end())
        found = std::find_if(streams_.begin(), after, wants_more);
    if (found == streams_.end() || !wants_more(*found))
        return nullptr;
    turn_ = found->first;
    return found->second;
}

// The first frame of every image comes before the second of any.
SharedStream ImageReader::ahead_in_turn() {
    while (next_ahead_ != index_.images.end()) {
        const ImageRecord& record = *next_ahead_++;
        if (record.name.starts_with("pages-") && !record.frames.empty() && !asked_for_.contains(record.name))
            return ahead_.emplace(record.name, make_stream(record)).first->second;
    }
    const auto wants_more = [](const auto& entry) { return entry.second->wants_more(); };
    const auto after = ahead_.upper_bound(ahead_turn_);
    auto found = std::find_if(after, ahead_.end(), wants_more);
    if (found == ahead_.end())
        found = std::find_if(ahead_.begin(), after, wants_more);
    if (found == ahead_.end() || !wants_more(*found))
        return nullptr;
    ahead_turn_ = found->first;
    return found->second;
}

// Decodes the stream's next frame, without the lock.
void ImageReader::feed(FrameStream& stream, std::unique_lock<std::mutex>& lock, FrameReader& reader) {
    const std::size_t number = stream.next++;
    const std::size_t frame = stream.frames[number];
    FrameSlot& slot = *stream.slots.emplace(number, std::make_unique<FrameSlot>()).first->second;
    slot.size = stream.record->frames[frame].size;
    if (!spare_.empty() && slot.size == k_frame_size) {
        slot.memory = std::move(spare_.back());
        spare_.pop_back();
    }
    ++frames_held_;
    lock.unlock();
    if (slot.memory.bytes().size() < slot.size)
        slot.memory = PageMemory(slot.size);
    reader.read(*stream.record, frame, slot.data());
    if (stream.parts != nullptr)
        slot.size = keep_parts(slot.data(), frame * k_frame_size, *stream.parts);
    lock.lock();
    if (stream.closed)
        --frames_held_;
    else
        slot.decoded = true;
    data_ready_.set();
}

void ImageReader::run_worker() {
    FrameReader reader(zip_, options_.folder);
    std::unique_lock lock(mutex_);
    try {
        while (true) {
            // Shared: the stream may be closed while it is fed.
            SharedStream stream;
            work_.wait(lock, [&] { return stop_ || failure_ || (stream = stream_to_feed()) != nullptr; });
            if (stop_ || failure_)
                return;
            feed(*stream, lock, reader);
        }
    } catch (...) {
        if (!lock.owns_lock())
            lock.lock();
        if (!failure_)
            failure_ = std::current_exception();
        work_.notify_all();
        data_ready_.set();
    }
}

} // namespace cedana
