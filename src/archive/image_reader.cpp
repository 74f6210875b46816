// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_reader.hpp"

#include "cedana/archive/image_check.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cstring>

#include <spdlog/fmt/fmt.h>

#include <sys/mman.h>

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

// To decode it takes less time than to wake a thread for it.
bool is_small(const FrameStream& stream) {
    constexpr std::uint64_t k_small = 64UL * 1024;
    return stream.parts == nullptr && stream.frames.size() == 1 && stream.record->size <= k_small;
}

// All of it is written to: at once that takes half of what it does page by page (from Linux 5.14 on), and by a huge
// page for two frames much less.
PageMemory memory_for(std::size_t size, PageMemory& spare) {
    if (size == k_frame_size) {
        auto [memory, other] = PageMemory::halves_of_huge_page();
        spare = std::move(other);
        return std::move(memory);
    }
    PageMemory memory(size);
    ::madvise(memory.bytes().data(), size, MADV_POPULATE_WRITE);
    return memory;
}

} // namespace

ImageReader::ImageReader(const ZipReader& zip, const FrameIndex& index, ImageReaderOptions options)
    : zip_(zip), index_(index), options_(std::move(options)),
      ahead_(index_, [this](const ImageRecord& record) { return make_stream(record); }), budget_(options_.buffer),
      own_reader_(zip_, options_.folder, options_.sums), threads_(mutex_, [this] {
          work_.notify_all();
          data_ready_.set();
      }) {
    for (const ImageRecord& record : index_.images)
        require_entry(zip_, record, options_.folder);
    zip_.expect_forward_reading();
    const unsigned workers = options_.threads != 0 ? options_.threads : core_count();
    for (unsigned i = 0; i < workers; ++i)
        threads_.start([this](std::unique_lock<std::mutex>& lock) { run_worker(lock); });
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
    std::unique_lock lock(mutex_);
    const SharedStream stream = ahead_.take(*record);
    const int number = streams_.add(stream);
    // What was read ahead may have had to stop for want of buffer; now it has a frame for itself.
    if (is_small(*stream) && stream->next == 0)
        feed(*stream, lock, own_reader_);
    else
        wake_workers();
    return number;
}

void ImageReader::read_ahead() {
    const std::scoped_lock lock(mutex_);
    ahead_.start();
    wake_workers();
}

std::span<const std::byte> ImageReader::ready(int number) {
    const std::scoped_lock lock(mutex_);
    threads_.rethrow_failure();
    return streams_.at(number).ready();
}

void ImageReader::passed(int number, std::size_t count) {
    const std::scoped_lock lock(mutex_);
    if (streams_.at(number).pass(count))
        wake_worker();
}

void ImageReader::released(int number, std::size_t count) {
    const std::scoped_lock lock(mutex_);
    FrameStream& stream = streams_.at(number);
    stream.released += count;
    while (auto memory = stream.take_released()) {
        budget_.give_back(std::move(*memory));
        wake_worker();
    }
}

bool ImageReader::at_end(int number) {
    const std::scoped_lock lock(mutex_);
    return streams_.at(number).at_end();
}

void ImageReader::close(int number) {
    const std::scoped_lock lock(mutex_);
    const SharedStream stream = streams_.remove(number);
    // A frame that is just being decoded is let go of by its worker.
    for (const auto& [frame, slot] : stream->slots)
        if (slot->decoded)
            budget_.let_go();
    wake_workers();
}

// As stream_to_feed() finds one. Where there is nothing to do nobody is woken: two threads would be at each of many
// small images.
bool ImageReader::is_one_to_feed() {
    if (streams_.find_without_frame())
        return true;
    return !budget_.is_spent() && (streams_.has_next() || (!budget_.is_half_spent() && ahead_.has_next()));
}

void ImageReader::wake_worker() {
    if (is_one_to_feed())
        work_.notify_one();
}

void ImageReader::wake_workers() {
    if (is_one_to_feed())
        work_.notify_all();
}

// First whoever has nothing (its reserved frame); then, while the buffer lasts, the open ones in turn, and last, in
// half of it, what is read ahead.
SharedStream ImageReader::stream_to_feed() {
    if (SharedStream stream = streams_.find_without_frame())
        return stream;
    if (budget_.is_spent())
        return nullptr;
    if (SharedStream stream = streams_.next())
        return stream;
    return budget_.is_half_spent() ? nullptr : ahead_.next();
}

// Decodes the stream's next frame, without the lock.
void ImageReader::feed(FrameStream& stream, std::unique_lock<std::mutex>& lock, FrameReader& reader) {
    const std::size_t number = stream.next++;
    const std::size_t frame = stream.frames[number];
    FrameSlot& slot = *stream.slots.emplace(number, std::make_unique<FrameSlot>()).first->second;
    slot.size = stream.record->frames[frame].size;
    slot.memory = budget_.hold(slot.size);
    lock.unlock();
    PageMemory spare;
    if (slot.memory.bytes().size() < slot.size)
        slot.memory = memory_for(slot.size, spare);
    reader.read(*stream.record, frame, slot.data());
    if (stream.parts != nullptr)
        slot.size = keep_parts(slot.data(), frame * k_frame_size, *stream.parts);
    lock.lock();
    budget_.spare(std::move(spare));
    if (stream.closed)
        budget_.let_go();
    else
        slot.decoded = true;
    data_ready_.set();
}

void ImageReader::run_worker(std::unique_lock<std::mutex>& lock) {
    FrameReader reader(zip_, options_.folder, options_.sums);
    while (true) {
        // Shared: the stream may be closed while it is fed.
        SharedStream stream;
        work_.wait(lock, [&] { return threads_.must_end() || (stream = stream_to_feed()) != nullptr; });
        if (threads_.must_end())
            return;
        feed(*stream, lock, reader);
    }
}

} // namespace cedana
