// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_writer.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace cedana {

namespace {

// Up to this an image has a buffer of its own in place of a frame of the pool, and is deflated: hundreds of images are
// a few kilobytes, and every unzip can then read them.
constexpr std::size_t k_small = 64UL * 1024;
// What an image costs beside its bytes.
constexpr std::size_t k_image_cost = 1024;
// Ended small images beyond this are written even if the pool has room.
constexpr std::size_t k_most_beside = 8UL * 1024 * 1024;
// Compressed frames that wait for the writer.
constexpr std::size_t k_backlog = 16;
// Frames beside the pool, for when the pool is full of what cannot be written before more comes in; the last of them
// are for the image that is being written, so that it always goes on.
constexpr std::size_t k_overdraft = 16;
constexpr std::size_t k_reserved = 2;
constexpr unsigned k_most_threads = 8;
constexpr int k_lowest_priority = 19;

// Of one thread alone (setpriority(2), "C library/kernel differences").
void set_thread_priority(pid_t thread, int nice) { ::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), nice); }

} // namespace

class ImageWriter::Entry : public EntrySource {
  public:
    Entry(ImageWriter& writer, Image& image) : writer_(writer), image_(image) {}
    [[nodiscard]] Method method() const override { return image_.record.method; }
    [[nodiscard]] std::span<const std::byte> next() override { return writer_.next_piece(image_); }
    [[nodiscard]] std::uint64_t size() const override { return image_.record.size; }
    [[nodiscard]] std::uint32_t crc() const override { return image_.record.crc; }

  private:
    ImageWriter& writer_;
    Image& image_;
};

std::span<std::byte> ImageWriter::Frame::room() {
    if (state != State::filling)
        return {};
    return pooled != nullptr ? std::span(pooled, k_frame_size).subspan(size) : std::span(own).subspan(size);
}

ImageWriter::ImageWriter(ZipWriter& zip, FramePool& pool, ImageWriterOptions options)
    : zip_(zip), pool_(pool), options_(std::move(options)), usual_priority_(::getpriority(PRIO_PROCESS, 0)) {
    const unsigned workers =
        options_.threads != 0 ? options_.threads : std::clamp(std::thread::hardware_concurrency(), 1U, k_most_threads);
    try {
        for (unsigned i = 0; i < workers; ++i)
            threads_.emplace_back([this] { run_worker(); });
        threads_.emplace_back([this] { run_writer(); });
    } catch (...) {
        end_threads();
        throw;
    }
}

ImageWriter::~ImageWriter() { end_threads(); }

void ImageWriter::end_threads() {
    {
        const std::scoped_lock lock(mutex_);
        stop_ = true;
    }
    work_.notify_all();
    progress_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
}

int ImageWriter::begin(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    auto image = std::make_unique<Image>();
    image->record.name = name;
    image->number = ++last_number_;
    images_.emplace(last_number_, std::move(image));
    return last_number_;
}

bool ImageWriter::short_of_memory() const { return pool_.free_frames() < pool_.capacity() / 8; }

// Whether nothing that is in memory can be written before more comes in.
bool ImageWriter::starving() { return writer_waits_ && backlog_ == 0 && image_to_encode() == nullptr; }

// A whole frame for what `frame` holds and more. False when there is no memory now.
bool ImageWriter::take_memory(const Image& image, Frame& frame) {
    std::byte* const memory = pool_.take();
    if (short_of_memory())
        progress_.notify_all();
    if (memory != nullptr) {
        std::ranges::copy(frame.data(), memory);
        frame.own = {};
        frame.pooled = memory;
        return true;
    }
    if (!starving() || overdraft_ >= (&image == writing_ ? k_overdraft : k_overdraft - k_reserved))
        return false;
    ++overdraft_;
    frame.own.resize(k_frame_size);
    frame.overdrawn = true;
    return true;
}

void ImageWriter::give_memory_back(Frame& frame) {
    if (frame.pooled != nullptr)
        pool_.give_back(std::exchange(frame.pooled, nullptr));
    else if (std::exchange(frame.overdrawn, false))
        --overdraft_;
    frame.own = {};
    wake_capture();
}

// Room for more bytes at the image's end: grows a small image into a whole frame, or begins a new frame. False when
// there is no memory now.
bool ImageWriter::open_frame(Image& image) {
    if (!image.frames.empty() && image.frames.back()->state == State::filling)
        return take_memory(image, *image.frames.back());
    auto frame = std::make_unique<Frame>();
    if (image.record.size == 0)
        frame->own.resize(k_small);
    else if (!take_memory(image, *frame))
        return false;
    image.frames.push_back(std::move(frame));
    return true;
}

std::span<std::byte> ImageWriter::space(int number) {
    const std::scoped_lock lock(mutex_);
    if (failure_)
        std::rethrow_exception(failure_);
    Image& image = image_at(number);
    if (!image.frames.empty() && !image.frames.back()->room().empty())
        return image.frames.back()->room();
    if (open_frame(image))
        return image.frames.back()->room();
    capture_waits_ = true;
    return {};
}

void ImageWriter::filled(int number, std::size_t count) {
    const std::scoped_lock lock(mutex_);
    Image& image = image_at(number);
    Frame& frame = *image.frames.back();
    // Its first bytes show that the frame before it is not the last.
    if (frame.size == 0)
        work_.notify_one();
    frame.size += count;
    image.record.size += count;
    bytes_taken_ += count;
    if (frame.size == k_frame_size)
        frame.state = State::full;
}

// Gives memory back that the end of an image does not need: a frame of the pool is worth more than a copy of little.
void ImageWriter::trim(Frame& frame) {
    if (frame.size > k_small)
        return;
    std::vector<std::byte> copy(frame.data().begin(), frame.data().end());
    give_memory_back(frame);
    frame.own = std::move(copy);
}

void ImageWriter::end(int number) {
    const std::scoped_lock lock(mutex_);
    Image& image = image_at(number);
    if (!image.frames.empty() && image.frames.back()->size == 0) {
        give_memory_back(*image.frames.back());
        image.frames.pop_back();
    }
    image.beside = k_image_cost;
    if (!image.frames.empty()) {
        Frame& last = *image.frames.back();
        last.position = Position::last;
        last.state = State::full;
        trim(last);
        image.beside += last.own.size();
    }
    beside_ += image.beside;
    image.ended = true;
    work_.notify_all();
    progress_.notify_all();
}

void ImageWriter::compress_now() {
    const std::scoped_lock lock(mutex_);
    full_speed_ = true;
    // A worker may be in the middle of a frame, which must not take all the longer now.
    for (const pid_t worker : low_workers_)
        set_thread_priority(worker, usual_priority_);
    low_workers_.clear();
    work_.notify_all();
    progress_.notify_all();
}

// Whether the image's next frame can be compressed: deflate marks the last frame, so whether bytes follow must be
// known.
bool ImageWriter::encodable(const Image& image) {
    const std::size_t next = image.next_to_encode;
    return next < image.frames.size() && image.frames[next]->state == State::full &&
           (image.ended || (next + 1 < image.frames.size() && image.frames[next + 1]->size > 0));
}

ImageWriter::Image* ImageWriter::image_to_encode() {
    const auto is_done = [](const Image& image) { return image.ended && image.next_to_encode == image.frames.size(); };
    while (!batch_.empty() && is_done(*batch_.front()))
        batch_.pop_front();
    return !batch_.empty() && backlog_ < k_backlog && encodable(*batch_.front()) ? batch_.front() : nullptr;
}

void ImageWriter::encode(Frame& frame, FrameEncoder& encoder) {
    frame.crc = crc32_of(frame.data());
    frame.compressed_size = encoder.encode(frame.data(), frame.position, frame.compressed.bytes());
    frame.digest = sha256(frame.compressed.bytes().first(frame.compressed_size));
}

PageMemory ImageWriter::take_output() {
    if (outputs_.empty())
        return PageMemory(compressed_bound(k_frame_size));
    PageMemory output = std::move(outputs_.back());
    outputs_.pop_back();
    return output;
}

void ImageWriter::give_back(PageMemory output) {
    if (!output.bytes().empty())
        outputs_.push_back(std::move(output));
}

void ImageWriter::run_worker() {
    const pid_t self = ::gettid();
    std::map<Method, FrameEncoder> encoders;
    std::unique_lock lock(mutex_);
    try {
        while (true) {
            Image* image = nullptr;
            work_.wait(lock, [&] { return stop_ || failure_ || (image = image_to_encode()) != nullptr; });
            if (stop_ || failure_)
                return;
            Frame& frame = *image->frames[image->next_to_encode++];
            frame.state = State::encoding;
            ++backlog_;
            frame.compressed = take_output();
            const Method method = image->record.method;
            if (!full_speed_ && low_workers_.insert(self).second)
                set_thread_priority(self, k_lowest_priority);
            lock.unlock();
            encode(frame, encoders.try_emplace(method, method, options_.level).first->second);
            lock.lock();
            frame.state = State::encoded;
            give_memory_back(frame);
            progress_.notify_all();
        }
    } catch (...) {
        if (!lock.owns_lock())
            lock.lock();
        fail(std::current_exception());
    }
}

void ImageWriter::wake_capture() {
    if (std::exchange(capture_waits_, false))
        space_ready_.set();
}

void ImageWriter::fail(std::exception_ptr failure) {
    if (!failure_)
        failure_ = std::move(failure);
    space_ready_.set();
    finished_.set();
    work_.notify_all();
    progress_.notify_all();
}

// Waits for the capture or the workers. Throws when that would be for ever: memory runs out, and all that holds it
// waits for input that does not come.
void ImageWriter::wait_for_progress(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready) {
    if (ready())
        return;
    writer_waits_ = true;
    // A pipe that found no memory may now use what is kept for this case.
    if (starving())
        wake_capture();
    std::uint64_t seen = bytes_taken_;
    while (!progress_.wait_for(lock, options_.patience, ready)) {
        if (capture_waits_ && starving() && bytes_taken_ == seen)
            throw Error(Fault::environment, "the memory for the dump is too small for this tree")
                .hint("set archive.buffer_mib to more");
        seen = bytes_taken_;
    }
    writer_waits_ = false;
}

// What is to be written next: all that has ended. When memory runs short and that frees none, the largest image that
// has not ended.
std::vector<ImageWriter::Image*> ImageWriter::choose_images() {
    const bool is_short = short_of_memory();
    const bool is_crowded = beside_ > k_most_beside;
    if (!full_speed_ && !is_short && !is_crowded)
        return {};
    std::vector<Image*> chosen;
    Image* largest = nullptr;
    bool frees_frames = false;
    for (const auto& [number, image] : images_) {
        if (image->ended) {
            chosen.push_back(image.get());
            frees_frames |= image->record.size > k_small;
            continue;
        }
        // Images of other kinds stay open to the end of the dump, so waiting for their end would stop everything.
        const bool flows = image->record.name.starts_with("pages-") || image->record.name.starts_with("ghost-file-");
        if (flows && image->record.size >= k_small && (!largest || image->record.size > largest->record.size))
            largest = image.get();
    }
    if (is_short && !frees_frames && largest != nullptr)
        chosen.push_back(largest);
    // Every batch writes a directory of all that is in the archive, so small images alone are no reason for one.
    else if (!full_speed_ && !is_crowded && !frees_frames)
        chosen.clear();
    return chosen;
}

std::vector<ImageWriter::Image*> ImageWriter::next_batch() {
    std::unique_lock lock(mutex_);
    std::vector<Image*> chosen;
    wait_for_progress(lock, [&] {
        return stop_ || failure_ || (all_begun_ && images_.empty()) || !(chosen = choose_images()).empty();
    });
    if (stop_ || failure_)
        return {};
    for (Image* image : chosen) {
        const bool small = image->ended && image->record.size <= k_small;
        image->record.method = image->ended && image->record.size == 0    ? Method::store
                               : small && options_.method == Method::zstd ? Method::deflate
                                                                          : options_.method;
    }
    batch_.assign(chosen.begin(), chosen.end());
    work_.notify_all();
    return chosen;
}

void ImageWriter::batch_written(const std::vector<Image*>& images) {
    const std::scoped_lock lock(mutex_);
    batch_.clear();
    for (Image* image : images) {
        beside_ -= image->beside;
        give_back(std::move(image->piece));
        index_.images.insert(std::move(image->record));
        images_.erase(image->number);
    }
}

void ImageWriter::run_writer() {
    try {
        while (true) {
            const std::vector<Image*> batch = next_batch();
            if (batch.empty())
                break;
            std::vector<NamedEntry> entries;
            for (Image* image : batch)
                entries.push_back(
                    {.name = options_.folder + image->record.name, .source = std::make_unique<Entry>(*this, *image)});
            zip_.write(std::move(entries));
            batch_written(batch);
        }
        finished_.set();
    } catch (...) {
        const std::scoped_lock lock(mutex_);
        fail(std::current_exception());
    }
}

std::span<const std::byte> ImageWriter::next_piece(Image& image) {
    std::unique_lock lock(mutex_);
    const auto front_encoded = [&] {
        return image.next_to_encode > 0 && image.frames.front()->state == State::encoded;
    };
    const auto at_end = [&] { return image.ended && image.frames.empty(); };
    writing_ = &image;
    wait_for_progress(lock, [&] { return stop_ || failure_ || front_encoded() || at_end(); });
    writing_ = nullptr;
    if (failure_)
        std::rethrow_exception(failure_);
    if (stop_)
        throw Error(Fault::interrupted, "the dump was given up");
    if (at_end()) {
        const bool table = image.record.method == Method::zstd && image.record.frames.size() > 1;
        give_back(std::exchange(image.piece, PageMemory()));
        if (!table || !image.table.empty())
            return {};
        image.table = seek_table(image.record.frames);
        return image.table;
    }
    give_back(std::move(image.piece));
    const std::unique_ptr<Frame> frame = std::move(image.frames.front());
    image.frames.pop_front();
    --image.next_to_encode;
    --backlog_;
    append_frame(image.record, static_cast<std::uint32_t>(frame->compressed_size),
                 static_cast<std::uint32_t>(frame->size), frame->digest);
    image.record.crc =
        image.record.frames.size() == 1 ? frame->crc : crc32_join(image.record.crc, frame->crc, frame->size);
    bytes_done_ += frame->size;
    image.piece = std::move(frame->compressed);
    work_.notify_all();
    return image.piece.bytes().first(frame->compressed_size);
}

FrameIndex ImageWriter::finish(const Interrupt& interrupt) {
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& [number, image] : images_)
            if (!image->ended)
                throw Error(Fault::internal, fmt::format("the image {} has not ended", image->record.name));
        all_begun_ = true;
    }
    compress_now();
    while (true) {
        std::array<pollfd, 2> set = {{{finished_.fd(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
        if (::poll(set.data(), set.size(), -1) < 0 && errno != EINTR) {
            const int err = errno;
            throw os_error(err, "cannot poll");
        }
        if (set[1].revents != 0)
            interrupt.throw_if_pending();
        if (set[0].revents != 0)
            break;
    }
    const std::scoped_lock lock(mutex_);
    if (failure_)
        std::rethrow_exception(failure_);
    return std::move(index_);
}

std::uint64_t ImageWriter::bytes_done() const {
    const std::scoped_lock lock(mutex_);
    return bytes_done_;
}

} // namespace cedana
