// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_reader.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace cedana {

ImageReader::ImageReader(const ZipReader& zip, const FrameIndex& index, ImageReaderOptions options)
    : zip_(zip), index_(index), options_(std::move(options)) {
    for (const ImageRecord& record : index_.images) {
        const EntryInfo* entry = zip_.find(options_.folder + record.name);
        if (entry == nullptr || entry->method != record.method || entry->size != record.size)
            throw Error(Fault::checkpoint, fmt::format("{}: the image {} is not there as the index says",
                                                       zip_.path().string(), printable(record.name)));
    }
    const unsigned workers =
        options_.threads != 0 ? options_.threads : std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < workers; ++i)
        threads_.emplace_back([this] { run_worker(); });
}

ImageReader::~ImageReader() {
    {
        const std::scoped_lock lock(mutex_);
        stop_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
}

bool ImageReader::exists(const std::string& name) const { return index_.find(name) != nullptr; }

int ImageReader::add_stream(const ImageRecord& record) {
    streams_.emplace(++last_stream_, std::make_shared<Stream>(&record, zip_.open_raw(options_.folder + record.name)));
    work_.notify_all();
    return last_stream_;
}

int ImageReader::open(const std::string& name) {
    const ImageRecord* record = index_.find(name);
    if (record == nullptr)
        throw Error(Fault::internal, fmt::format("no image {}", printable(name)));
    const std::scoped_lock lock(mutex_);
    for (const auto& [number, stream] : streams_) {
        if (stream->record == record && !stream->opened) {
            stream->opened = true;
            return number;
        }
    }
    const int number = add_stream(*record);
    streams_.at(number)->opened = true;
    return number;
}

void ImageReader::read_ahead() {
    const std::scoped_lock lock(mutex_);
    for (const ImageRecord& record : index_.images)
        if (record.name.starts_with("pages-") && !record.frames.empty())
            add_stream(record);
}

std::span<const std::byte> ImageReader::ready(int number) {
    const std::scoped_lock lock(mutex_);
    if (failure_)
        std::rethrow_exception(failure_);
    const Stream& stream = *streams_.at(number);
    const auto slot = stream.slots.find(stream.first);
    if (slot == stream.slots.end() || !slot->second->decoded)
        return {};
    return std::span(slot->second->data).subspan(stream.offset);
}

void ImageReader::sent(int number, std::size_t count) {
    constexpr std::size_t k_spare = 16;
    const std::scoped_lock lock(mutex_);
    Stream& stream = *streams_.at(number);
    stream.offset += count;
    const auto slot = stream.slots.find(stream.first);
    if (stream.offset < slot->second->data.size())
        return;
    if (spare_.size() < k_spare)
        spare_.push_back(std::move(slot->second->data));
    stream.slots.erase(slot);
    ++stream.first;
    stream.offset = 0;
    --frames_held_;
    work_.notify_one();
}

bool ImageReader::at_end(int number) const {
    const std::scoped_lock lock(mutex_);
    const Stream& stream = *streams_.at(number);
    return stream.first == stream.record->frames.size();
}

void ImageReader::close(int number) {
    const std::scoped_lock lock(mutex_);
    const auto stream = streams_.find(number);
    // A frame that is just being decoded is counted off by its worker.
    for (const auto& [frame, slot] : stream->second->slots)
        if (slot->decoded)
            --frames_held_;
    streams_.erase(stream);
    work_.notify_all();
}

// First whoever has nothing (its reserved frame); then, while the buffer lasts, the open ones in turn, and last what
// is read ahead.
ImageReader::Stream* ImageReader::stream_to_feed() {
    const auto wants = [](const Stream& stream) { return stream.next < stream.record->frames.size(); };
    for (const auto& [number, stream] : streams_)
        if (stream->opened && stream->slots.empty() && wants(*stream))
            return stream.get();
    if (frames_held_ >= options_.buffer / k_frame_size)
        return nullptr;
    for (const bool opened : {true, false}) {
        for (const bool after_turn : {true, false}) {
            for (const auto& [number, stream] : streams_) {
                if (stream->opened != opened || (number > turn_) != after_turn || !wants(*stream))
                    continue;
                turn_ = number;
                return stream.get();
            }
        }
    }
    return nullptr;
}

void ImageReader::decode(const Stream& stream, std::size_t number, Slot& slot, std::vector<std::byte>& compressed,
                         FrameDecoder& decoder) const {
    const FrameRecord& frame = stream.record->frames[number];
    compressed.resize(frame.compressed);
    stream.entry.read(frame.offset, compressed);
    if (sha256(compressed) != frame.digest)
        throw Error(Fault::checkpoint,
                    fmt::format("{} is damaged: frame {} of {} does not have the digest that the index gives",
                                zip_.path().string(), number, printable(stream.record->name)));
    slot.data.resize(frame.size);
    decoder.decode(stream.record->method, compressed, slot.data);
}

void ImageReader::run_worker() {
    FrameDecoder decoder;
    std::vector<std::byte> compressed;
    std::unique_lock lock(mutex_);
    while (true) {
        Stream* found = nullptr;
        work_.wait(lock, [&] { return stop_ || failure_ || (found = stream_to_feed()) != nullptr; });
        if (stop_ || failure_)
            return;
        // Kept by this worker: the stream may be closed while it is fed.
        const auto holder =
            std::ranges::find_if(streams_, [&](const auto& entry) { return entry.second.get() == found; });
        const std::shared_ptr<Stream> stream = holder->second;
        const int stream_number = holder->first;
        const std::size_t number = stream->next++;
        auto slot = std::make_unique<Slot>();
        Slot& target = *slot;
        if (!spare_.empty()) {
            target.data = std::move(spare_.back());
            spare_.pop_back();
        }
        stream->slots.emplace(number, std::move(slot));
        ++frames_held_;
        lock.unlock();
        std::exception_ptr failure;
        try {
            decode(*stream, number, target, compressed, decoder);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        if (failure && !failure_)
            failure_ = failure;
        if (streams_.contains(stream_number))
            target.decoded = true;
        else
            --frames_held_;
        data_ready_.set();
    }
}

} // namespace cedana
