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

namespace cedana {

namespace {

// Below this an image has a buffer of its own in place of a frame of the pool, and is deflated: hundreds of images are
// a few kilobytes, and every unzip can then read them.
constexpr std::size_t k_small = 64UL * 1024;
// Compressed frames that wait for the writer.
constexpr std::size_t k_backlog = 32;
// Frames beside the pool, for an image that must grow before the one that is being written can end.
constexpr std::size_t k_overdraft = 24;
constexpr int k_lowest_priority = 19;

// Of the calling thread alone (setpriority(2), "C library/kernel differences").
void set_thread_priority(int nice) { ::setpriority(PRIO_PROCESS, 0, nice); }

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

ImageWriter::ImageWriter(ZipWriter& zip, FramePool& pool, ImageWriterOptions options)
    : zip_(zip), pool_(pool), options_(std::move(options)) {
    const unsigned workers =
        options_.threads != 0 ? options_.threads : std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < workers; ++i)
        threads_.emplace_back([this] { run_worker(); });
    threads_.emplace_back([this] { run_writer(); });
}

ImageWriter::~ImageWriter() {
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
    images_.push_back(std::move(image));
    ++unwritten_;
    return static_cast<int>(images_.size() - 1);
}

bool ImageWriter::short_of_memory() const { return pool_.free_frames() < pool_.capacity() / 8; }

// A place for more bytes at the image's end: grows a small image into a frame of the pool, or begins a new frame.
// False when there is no memory now.
bool ImageWriter::open_frame(Image& image) {
    const bool growing = !image.frames.empty() && image.frames.back()->state == State::filling;
    if (!growing && image.record.size == 0) {
        auto frame = std::make_unique<Frame>();
        frame->small.resize(k_small);
        image.frames.push_back(std::move(frame));
        return true;
    }
    std::byte* memory = pool_.take();
    if (short_of_memory())
        progress_.notify_all();
    std::unique_ptr<Frame> beside_the_pool;
    if (memory == nullptr) {
        if (!writer_starves_ || overdraft_ == k_overdraft)
            return false;
        ++overdraft_;
        beside_the_pool = std::make_unique<Frame>();
        beside_the_pool->small.resize(k_frame_size);
    }
    if (growing) {
        Frame& frame = *image.frames.back();
        if (memory != nullptr) {
            std::copy(frame.small.begin(), frame.small.begin() + static_cast<std::ptrdiff_t>(frame.size), memory);
            frame.small = {};
            frame.pooled = memory;
        } else {
            frame.small.resize(k_frame_size);
        }
        return true;
    }
    auto frame = beside_the_pool ? std::move(beside_the_pool) : std::make_unique<Frame>();
    frame->pooled = memory;
    image.frames.push_back(std::move(frame));
    return true;
}

std::span<std::byte> ImageWriter::space(int number) {
    const std::scoped_lock lock(mutex_);
    if (failure_)
        std::rethrow_exception(failure_);
    Image& image = *images_.at(static_cast<std::size_t>(number));
    const auto room = [&]() -> std::span<std::byte> {
        if (image.frames.empty() || image.frames.back()->state != State::filling)
            return {};
        Frame& frame = *image.frames.back();
        return frame.pooled != nullptr ? std::span(frame.pooled, k_frame_size).subspan(frame.size)
                                       : std::span(frame.small).subspan(frame.size);
    };
    if (room().empty() && !open_frame(image)) {
        if (writer_starves_ && overdraft_ == k_overdraft)
            throw Error(Fault::environment, "the memory for the dump is too small for this tree")
                .hint("set archive.buffer_mib to more");
        capture_waits_ = true;
    }
    return room();
}

void ImageWriter::filled(int number, std::size_t count) {
    const std::scoped_lock lock(mutex_);
    Image& image = *images_.at(static_cast<std::size_t>(number));
    Frame& frame = *image.frames.back();
    frame.size += count;
    image.record.size += count;
    if (frame.size < k_frame_size)
        return;
    frame.state = State::full;
    work_.notify_one();
}

void ImageWriter::end(int number) {
    const std::scoped_lock lock(mutex_);
    Image& image = *images_.at(static_cast<std::size_t>(number));
    if (!image.frames.empty()) {
        image.frames.back()->position = Position::last;
        if (image.frames.back()->state == State::filling)
            image.frames.back()->state = State::full;
        // A frame of the pool is worth more than a copy of the little that an image's end holds.
        if (Frame& frame = *image.frames.back(); frame.pooled != nullptr && frame.size <= k_small) {
            frame.small.assign(frame.pooled, frame.pooled + frame.size);
            pool_.give_back(std::exchange(frame.pooled, nullptr));
        }
    }
    image.ended = true;
    work_.notify_all();
    progress_.notify_all();
}

void ImageWriter::compress_now() {
    const std::scoped_lock lock(mutex_);
    full_speed_ = true;
    work_.notify_all();
    progress_.notify_all();
}

// Whether the image's next frame can be compressed: what follows must be known, because deflate marks the last frame.
bool ImageWriter::encodable(const Image& image) const {
    return image.next_to_encode < image.frames.size() && image.frames[image.next_to_encode]->state == State::full &&
           (image.ended || image.next_to_encode + 1 < image.frames.size());
}

ImageWriter::Frame* ImageWriter::frame_to_encode() {
    if (backlog_ >= k_backlog)
        return nullptr;
    const auto found = std::ranges::find_if(batch_, [this](const Image* image) { return encodable(*image); });
    return found == batch_.end() ? nullptr : (*found)->frames[(*found)->next_to_encode].get();
}

void ImageWriter::encode(Frame& frame, FrameEncoder& encoder) {
    frame.crc = crc32_of(frame.data());
    frame.compressed = encoder.encode(frame.data(), frame.position);
    frame.digest = sha256(frame.compressed);
}

void ImageWriter::run_worker() {
    std::map<Method, FrameEncoder> encoders;
    bool low = false;
    std::unique_lock lock(mutex_);
    try {
        while (true) {
            work_.wait(lock, [this] { return stop_ || failure_ || frame_to_encode() != nullptr; });
            if (stop_ || failure_)
                return;
            Image& image = **std::ranges::find_if(batch_, [this](const Image* one) { return encodable(*one); });
            Frame& frame = *image.frames[image.next_to_encode++];
            frame.state = State::encoding;
            ++backlog_;
            const Method method = image.record.method;
            const bool lower = !full_speed_;
            lock.unlock();
            if (std::exchange(low, lower) != lower)
                set_thread_priority(lower ? k_lowest_priority : 0);
            encode(frame, encoders.try_emplace(method, method, options_.level).first->second);
            lock.lock();
            frame.state = State::encoded;
            if (frame.pooled != nullptr)
                pool_.give_back(std::exchange(frame.pooled, nullptr));
            else if (frame.small.size() == k_frame_size && overdraft_ > 0)
                --overdraft_;
            frame.small = {};
            wake_capture();
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

// What is to be written next: all that is complete, and when memory runs short the largest image that is not.
std::vector<ImageWriter::Image*> ImageWriter::choose_images() {
    std::vector<Image*> chosen;
    const bool is_short = short_of_memory();
    if (!full_speed_ && !is_short)
        return chosen;
    Image* largest = nullptr;
    for (const auto& image : images_) {
        if (image->chosen)
            continue;
        if (image->ended)
            chosen.push_back(image.get());
        // Images of other kinds stay open to the end of the dump, so waiting for their end would stop everything.
        else if (image->record.name.starts_with("pages-") || image->record.name.starts_with("ghost-file-"))
            if (image->frames.size() > 1 && (largest == nullptr || image->frames.size() > largest->frames.size()))
                largest = image.get();
    }
    if (is_short && largest != nullptr)
        chosen.push_back(largest);
    for (Image* image : chosen) {
        image->chosen = true;
        const bool small = image->ended && image->record.size <= k_small;
        image->record.method = image->ended && image->record.size == 0    ? Method::store
                               : small && options_.method == Method::zstd ? Method::deflate
                                                                          : options_.method;
    }
    return chosen;
}

void ImageWriter::run_writer() {
    try {
        while (true) {
            std::vector<Image*> chosen;
            {
                std::unique_lock lock(mutex_);
                progress_.wait(lock, [&] {
                    return stop_ || failure_ || (all_begun_ && unwritten_ == 0) || !(chosen = choose_images()).empty();
                });
                if (stop_ || failure_ || chosen.empty())
                    break;
                batch_.assign(chosen.begin(), chosen.end());
                work_.notify_all();
            }
            std::vector<NamedEntry> entries;
            for (Image* image : chosen)
                entries.push_back(
                    {.name = options_.folder + image->record.name, .source = std::make_unique<Entry>(*this, *image)});
            zip_.write(std::move(entries));
            const std::scoped_lock lock(mutex_);
            batch_.clear();
            unwritten_ -= chosen.size();
            for (Image* image : chosen)
                index_.images.insert(std::move(image->record));
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
    const auto ready = [&] { return stop_ || failure_ || front_encoded() || at_end(); };
    if (!ready()) {
        writer_starves_ = !image.ended && image.next_to_encode == 0 && !encodable(image);
        // A pipe that found no memory may now use what is kept for this case.
        if (writer_starves_)
            wake_capture();
        progress_.wait(lock, ready);
        writer_starves_ = false;
    }
    if (failure_)
        std::rethrow_exception(failure_);
    if (stop_)
        throw Error(Fault::interrupted, "the dump was given up");
    if (at_end()) {
        const bool table = image.record.method == Method::zstd && image.record.frames.size() > 1;
        if (!table || std::exchange(image.table_given, true))
            return {};
        image.piece = seek_table(image.record.frames);
        return image.piece;
    }
    const std::unique_ptr<Frame> frame = std::move(image.frames.front());
    image.frames.pop_front();
    --image.next_to_encode;
    --backlog_;
    append_frame(image.record, static_cast<std::uint32_t>(frame->compressed.size()),
                 static_cast<std::uint32_t>(frame->size), frame->digest);
    image.record.crc =
        image.record.frames.size() == 1 ? frame->crc : crc32_join(image.record.crc, frame->crc, frame->size);
    bytes_done_ += frame->size;
    image.piece = std::move(frame->compressed);
    work_.notify_all();
    return image.piece;
}

FrameIndex ImageWriter::finish(const Interrupt& interrupt) {
    {
        const std::scoped_lock lock(mutex_);
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
