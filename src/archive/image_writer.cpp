// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_writer.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <latch>
#include <thread>
#include <utility>

#include <spdlog/spdlog.h>

#include <poll.h>
#include <sched.h>

namespace cedana {

namespace {

constexpr unsigned k_most_threads = 8;

// A store that does not answer holds the writer's thread even when cedana is killed, and it would hold every descriptor
// with it that is opened later: the pipes of CRIU among them, whose end lets the tree run on.
void take_own_descriptors() {
    if (::unshare(CLONE_FILES) != 0)
        spdlog::debug("the writer shares its descriptors: {}", errno_text(errno));
}

} // namespace

class ImageWriter::Entry : public EntrySource {
  public:
    Entry(ImageWriter& writer, CapturedImage& image) : writer_(writer), image_(image) {}
    [[nodiscard]] Method method() const override { return image_.record.entry_method(); }
    [[nodiscard]] std::span<const std::byte> next() override { return writer_.next_piece(image_); }
    [[nodiscard]] std::uint64_t size() const override { return image_.record.entry_size(); }
    [[nodiscard]] std::uint32_t crc() const override { return image_.record.crc; }
    [[nodiscard]] KnownBytes known() const override {
        const FrameAhead* const ahead = image_.piece_ahead;
        return ahead == nullptr ? KnownBytes() : KnownBytes{.number = ahead->number, .bytes = ahead->compressed};
    }

  private:
    ImageWriter& writer_;
    CapturedImage& image_;
};

ImageWriter::ImageWriter(ZipWriter& zip, FramePool& pool, ImageWriterOptions options)
    : zip_(zip), options_(std::move(options)), supply_(pool), queue_(options_.method, options_.flowing),
      pressure_(queue_), threads_(mutex_, [this] { wake_all(); }) {
    const unsigned workers =
        options_.threads != 0 ? options_.threads : std::clamp(std::thread::hardware_concurrency(), 1U, k_most_threads);
    for (unsigned i = 0; i < workers; ++i)
        threads_.start([this](std::unique_lock<std::mutex>& lock) { run_worker(lock); });
    // Its descriptors are copied while no other thread opens any: the end of a pipe in the copy stays open.
    std::latch has_own_descriptors(1);
    threads_.start([this, &has_own_descriptors](std::unique_lock<std::mutex>& lock) {
        lock.unlock();
        take_own_descriptors();
        has_own_descriptors.count_down();
        run_writer();
    });
    has_own_descriptors.wait();
}

// Everybody who waits looks again, since the threads must end.
void ImageWriter::wake_all() {
    pressure_.wake_capture_always();
    finished_.set();
    work_.notify_all();
    progress_.notify_all();
}

int ImageWriter::begin(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    return queue_.add(name, options_.seal).number;
}

// Room for more bytes at the image's end: grows a small image into a whole frame, or begins a new frame. False when
// there is no memory now.
bool ImageWriter::open_frame(CapturedImage& image) {
    const bool filling = !image.frames.empty() && image.frames.back()->state == FrameState::filling;
    auto begun = filling ? nullptr : std::make_unique<CapturedFrame>();
    if (!filling && image.record.size == 0) {
        begun->own.resize(k_small_image);
    } else {
        const bool given = supply_.give(filling ? *image.frames.back() : *begun, pressure_.overdraft_for(image));
        if (supply_.is_short())
            progress_.notify_all();
        if (!given)
            return false;
    }
    if (begun)
        image.frames.push_back(std::move(begun));
    return true;
}

std::span<std::byte> ImageWriter::space(int number) {
    const std::scoped_lock lock(mutex_);
    threads_.rethrow_failure();
    CapturedImage& image = queue_.at(number);
    if (!image.frames.empty() && !image.frames.back()->room().empty())
        return image.frames.back()->room();
    if (open_frame(image))
        return image.frames.back()->room();
    pressure_.capture_waits();
    speed_.raise();
    return {};
}

void ImageWriter::filled(int number, std::size_t count) {
    const std::scoped_lock lock(mutex_);
    CapturedImage& image = queue_.at(number);
    const bool is_first = image.frames.back()->size == 0;
    queue_.add_bytes(image, count);
    if (!is_first)
        return;
    wake_worker();
    // The writer may begin with it.
    if (speed_.is_full())
        progress_.notify_all();
}

// The first bytes of a frame show that the one before it is not the last. Where there is nothing to do, nobody is
// woken: it would be for each of thousands of images, while the tree stands still.
void ImageWriter::wake_worker() {
    if (queue_.next_to_encode() != nullptr)
        work_.notify_one();
}

void ImageWriter::refer(int number, std::span<const std::byte> bytes) {
    const std::scoped_lock lock(mutex_);
    threads_.rethrow_failure();
    CapturedImage& image = queue_.at(number);
    while (!bytes.empty()) {
        if (image.frames.empty() || image.frames.back()->state != FrameState::filling)
            image.frames.push_back(std::make_unique<CapturedFrame>());
        CapturedFrame& frame = *image.frames.back();
        const bool is_first = frame.size == 0;
        const std::size_t count = std::min(bytes.size(), k_frame_size - frame.size);
        frame.refer(bytes.first(count));
        queue_.add_bytes(image, count);
        if (is_first)
            wake_worker();
        bytes = bytes.subspan(count);
    }
}

void ImageWriter::end(int number) {
    const std::scoped_lock lock(mutex_);
    CapturedImage& image = queue_.at(number);
    if (!image.frames.empty() && image.frames.back()->size == 0) {
        supply_.release(*image.frames.back());
        image.frames.pop_back();
    }
    if (!image.frames.empty())
        supply_.trim(*image.frames.back());
    // The writer may wait for it.
    const bool is_writing = queue_.is_writing();
    queue_.end(image);
    pressure_.wake_capture();
    if (queue_.next_to_encode() != nullptr)
        work_.notify_all();
    if (is_writing || queue_.is_crowded() || speed_.is_full() || supply_.is_short())
        progress_.notify_all();
}

void ImageWriter::compress_now() {
    const std::scoped_lock lock(mutex_);
    speed_.set_full();
    if (queue_.next_to_encode() != nullptr)
        work_.notify_all();
    progress_.notify_all();
}

void ImageWriter::run_worker(std::unique_lock<std::mutex>& lock) {
    Encoders encoders;
    while (true) {
        CapturedImage* image = nullptr;
        work_.wait(lock, [&] { return threads_.must_end() || (image = queue_.next_to_encode()) != nullptr; });
        if (threads_.must_end())
            return;
        encode_next(*image, encoders, lock);
    }
}

int ImageWriter::next_level(Method method) {
    if (!paced_level_ || method != Method::zstd)
        return options_.level;
    constexpr std::size_t k_many = ImageQueue::k_most_backlog / 2;
    constexpr std::size_t k_few = 2;
    const std::size_t waiting = queue_.backlog() - encoding_;
    if (waiting >= k_many)
        paced_level_->taker_is_slow();
    else if (waiting <= k_few)
        paced_level_->taker_is_quick();
    return paced_level_->level();
}

// Compresses the image's next frame, without the lock.
void ImageWriter::encode_next(CapturedImage& image, Encoders& encoders, std::unique_lock<std::mutex>& lock) {
    const FramePlace place = image.next_place();
    const Method method = image.record.method;
    CapturedFrame& frame = queue_.take_frame(image);
    ++encoding_;
    frame.compressed = supply_.output();
    speed_.slow_down_self();
    const int level = next_level(method);
    lock.unlock();
    frame.encode(encoders.by_level.try_emplace({method, level}, method, level).first->second, options_.seal.get(),
                 place, encoders.scratch, ahead_);
    lock.lock();
    --encoding_;
    frame.state = FrameState::encoded;
    supply_.release(frame);
    pressure_.wake_capture();
    progress_.notify_all();
}

// Waits for the capture or the workers. Throws when that would be for ever: memory runs out, and all that holds it
// waits for input that does not come. `image`: of which the writer waits for a piece; null: for images.
void ImageWriter::wait_for_progress(std::unique_lock<std::mutex>& lock, const CapturedImage* image,
                                    const std::function<bool()>& ready) {
    if (ready())
        return;
    pressure_.writer_waits(image);
    std::uint64_t seen = queue_.bytes_added();
    while (!progress_.wait_for(lock, options_.patience, ready)) {
        if (pressure_.is_stuck() && queue_.bytes_added() == seen)
            throw Error(Fault::environment, "the memory for the dump is too small for this tree")
                .hint("set archive.buffer_mib to more");
        seen = queue_.bytes_added();
    }
    pressure_.writer_goes_on();
}

std::vector<CapturedImage*> ImageWriter::next_batch() {
    std::unique_lock lock(mutex_);
    std::vector<CapturedImage*> chosen;
    wait_for_progress(lock, nullptr, [&] {
        if (threads_.must_end() || queue_.is_done())
            return true;
        chosen = queue_.choose({.memory_is_short = supply_.is_short(), .full_speed = speed_.is_full()});
        return !chosen.empty();
    });
    if (threads_.must_end())
        return {};
    queue_.begin_batch(chosen);
    if (!std::ranges::all_of(chosen, [this](const CapturedImage* image) { return is_writers_own(*image); }))
        work_.notify_all();
    return chosen;
}

// To compress it takes less time than to have it done.
bool ImageWriter::is_writers_own(const CapturedImage& image) const {
    return speed_.is_full() && image.small() && image.frames.size() == 1;
}

void ImageWriter::batch_written(const std::vector<CapturedImage*>& images) {
    const std::scoped_lock lock(mutex_);
    for (CapturedImage* image : images) {
        supply_.recycle(std::move(image->piece));
        if (!options_.seal)
            sums_.set(image->record.name, std::move(image->sums));
    }
    for (ImageRecord& record : queue_.end_batch(images))
        index_.images.insert(std::move(record));
}

void ImageWriter::run_writer() {
    while (true) {
        const std::vector<CapturedImage*> batch = next_batch();
        if (batch.empty())
            break;
        std::vector<NamedEntry> entries;
        for (CapturedImage* image : batch)
            entries.push_back(
                {.name = image->record.entry_name(options_.folder), .source = std::make_unique<Entry>(*this, *image)});
        zip_.write(std::move(entries));
        batch_written(batch);
    }
    finished_.set();
}

std::span<const std::byte> ImageWriter::next_piece(CapturedImage& image) {
    std::unique_lock lock(mutex_);
    if (is_writers_own(image) && image.next_to_encode == 0)
        encode_next(image, writers_encoders_, lock);
    wait_for_progress(lock, &image, [&] { return threads_.must_end() || image.first_is_encoded() || image.written(); });
    threads_.rethrow_failure();
    if (threads_.must_end())
        throw Error(Fault::interrupted, "the dump was given up");
    supply_.recycle(std::exchange(image.piece, PageMemory()));
    image.piece_ahead = nullptr;
    if (image.written()) {
        if (!image.record.has_seek_table() || !image.table.empty())
            return {};
        image.table = seek_table(image.record.frames);
        return image.table;
    }
    const std::unique_ptr<CapturedFrame> frame = queue_.take_encoded(image);
    image.piece = std::move(frame->compressed);
    image.piece_ahead = frame->ahead;
    if (queue_.next_to_encode() != nullptr)
        work_.notify_all();
    return image.piece.bytes().first(frame->compressed_size);
}

void ImageWriter::report_to(Progress& progress) const {
    std::unique_lock lock(mutex_);
    const std::uint64_t done = queue_.bytes_written();
    const std::uint64_t total = queue_.bytes_added();
    lock.unlock();
    progress.bytes(done, total);
}

FrameIndex ImageWriter::finish(const Interrupt& interrupt, Progress* progress) {
    constexpr int k_report_every_ms = 100;
    {
        const std::scoped_lock lock(mutex_);
        queue_.close();
    }
    compress_now();
    while (true) {
        std::array<pollfd, 2> set = {{{finished_.fd(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
        if (::poll(set.data(), set.size(), progress == nullptr ? -1 : k_report_every_ms) < 0 && errno != EINTR)
            throw OsFailure().error("cannot poll");
        if (set[1].revents != 0)
            interrupt.throw_if_pending();
        if (set[0].revents != 0)
            break;
        if (progress != nullptr)
            report_to(*progress);
    }
    const std::scoped_lock lock(mutex_);
    threads_.rethrow_failure();
    return std::move(index_);
}

std::uint64_t ImageWriter::bytes_done() const {
    const std::scoped_lock lock(mutex_);
    return queue_.bytes_written();
}

} // namespace cedana
