// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_writer.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <latch>
#include <map>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace cedana {

namespace {

// What an image costs beside its bytes.
constexpr std::size_t k_image_cost = 1024;
// Ended small images beyond this are written even if the pool has room.
constexpr std::size_t k_most_beside = 8UL * 1024 * 1024;
// Compressed frames that wait for the writer.
constexpr std::size_t k_backlog = 16;
constexpr unsigned k_most_threads = 8;
constexpr int k_lowest_priority = 19;

// Of one thread alone (setpriority(2), "C library/kernel differences").
void set_thread_priority(pid_t thread, int nice) { ::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), nice); }

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

  private:
    ImageWriter& writer_;
    CapturedImage& image_;
};

ImageWriter::ImageWriter(ZipWriter& zip, FramePool& pool, ImageWriterOptions options)
    : zip_(zip), options_(std::move(options)), supply_(pool), usual_priority_(::getpriority(PRIO_PROCESS, 0)) {
    const unsigned workers =
        options_.threads != 0 ? options_.threads : std::clamp(std::thread::hardware_concurrency(), 1U, k_most_threads);
    try {
        for (unsigned i = 0; i < workers; ++i)
            threads_.emplace_back([this] { run_worker(); });
        // Its descriptors are copied while no other thread opens any: the end of a pipe in the copy stays open.
        std::latch has_own_descriptors(1);
        threads_.emplace_back([this, &has_own_descriptors] {
            take_own_descriptors();
            has_own_descriptors.count_down();
            run_writer();
        });
        has_own_descriptors.wait();
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
    auto image = std::make_unique<CapturedImage>();
    image->record.name = name;
    image->record.seal = options_.seal;
    if (options_.seal)
        image->record.entry = options_.seal->next_entry();
    image->number = ++last_number_;
    images_.emplace(last_number_, std::move(image));
    return last_number_;
}

// Whether nothing that is in memory can be written before more comes in.
bool ImageWriter::starving() { return writer_waits_ && backlog_ == 0 && image_to_encode() == nullptr; }

Overdraft ImageWriter::overdraft_for(const CapturedImage& image) {
    if (!starving())
        return Overdraft::none;
    return &image == writing_ ? Overdraft::all : Overdraft::some;
}

// Room for more bytes at the image's end: grows a small image into a whole frame, or begins a new frame. False when
// there is no memory now.
bool ImageWriter::open_frame(CapturedImage& image) {
    const bool filling = !image.frames.empty() && image.frames.back()->state == FrameState::filling;
    auto begun = filling ? nullptr : std::make_unique<CapturedFrame>();
    if (!filling && image.record.size == 0) {
        begun->own.resize(k_small_image);
    } else {
        const bool given = supply_.give(filling ? *image.frames.back() : *begun, overdraft_for(image));
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
    if (failure_)
        std::rethrow_exception(failure_);
    CapturedImage& image = image_at(number);
    if (!image.frames.empty() && !image.frames.back()->room().empty())
        return image.frames.back()->room();
    if (open_frame(image))
        return image.frames.back()->room();
    capture_waits_ = true;
    return {};
}

void ImageWriter::filled(int number, std::size_t count) {
    const std::scoped_lock lock(mutex_);
    CapturedImage& image = image_at(number);
    CapturedFrame& frame = *image.frames.back();
    // Its first bytes show that the frame before it is not the last.
    if (frame.size == 0)
        work_.notify_one();
    frame.size += count;
    image.record.size += count;
    bytes_taken_ += count;
    if (frame.size == k_frame_size)
        frame.state = FrameState::full;
}

void ImageWriter::end(int number) {
    const std::scoped_lock lock(mutex_);
    CapturedImage& image = image_at(number);
    if (!image.frames.empty() && image.frames.back()->size == 0) {
        supply_.take_back(*image.frames.back());
        image.frames.pop_back();
    }
    image.beside = k_image_cost;
    if (!image.frames.empty()) {
        CapturedFrame& last = *image.frames.back();
        last.position = Position::last;
        last.state = FrameState::full;
        supply_.trim(last);
        image.beside += last.own.size();
    }
    beside_ += image.beside;
    image.ended = true;
    wake_capture();
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

CapturedImage* ImageWriter::image_to_encode() {
    while (!batch_.empty() && batch_.front()->given_out())
        batch_.pop_front();
    return !batch_.empty() && backlog_ < k_backlog && batch_.front()->encodable() ? batch_.front() : nullptr;
}

void ImageWriter::run_worker() {
    const pid_t self = ::gettid();
    std::map<Method, FrameEncoder> encoders;
    std::unique_lock lock(mutex_);
    try {
        while (true) {
            CapturedImage* image = nullptr;
            work_.wait(lock, [&] { return stop_ || failure_ || (image = image_to_encode()) != nullptr; });
            if (stop_ || failure_)
                return;
            const FramePlace place = image->next_place();
            CapturedFrame& frame = *image->frames[image->next_to_encode++];
            frame.state = FrameState::encoding;
            ++backlog_;
            frame.compressed = supply_.output();
            const Method method = image->record.method;
            if (!full_speed_ && low_workers_.insert(self).second)
                set_thread_priority(self, k_lowest_priority);
            lock.unlock();
            frame.encode(encoders.try_emplace(method, method, options_.level).first->second, options_.seal.get(),
                         place);
            lock.lock();
            frame.state = FrameState::encoded;
            supply_.take_back(frame);
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
std::vector<CapturedImage*> ImageWriter::choose_images() {
    const bool is_short = supply_.is_short();
    const bool is_crowded = beside_ > k_most_beside;
    if (!full_speed_ && !is_short && !is_crowded)
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
        if (image->flows(options_.flowing) && (!largest || image->record.size > largest->record.size))
            largest = image.get();
    }
    if (is_short && !frees_frames && largest != nullptr)
        chosen.push_back(largest);
    // Every batch writes a directory of all that is in the archive, so small images alone are no reason for one.
    else if (!full_speed_ && !is_crowded && !frees_frames)
        chosen.clear();
    return chosen;
}

std::vector<CapturedImage*> ImageWriter::next_batch() {
    std::unique_lock lock(mutex_);
    std::vector<CapturedImage*> chosen;
    wait_for_progress(lock, [&] {
        return stop_ || failure_ || (all_begun_ && images_.empty()) || !(chosen = choose_images()).empty();
    });
    if (stop_ || failure_)
        return {};
    for (CapturedImage* image : chosen)
        image->record.method = image->method(options_.method);
    batch_.assign(chosen.begin(), chosen.end());
    work_.notify_all();
    return chosen;
}

void ImageWriter::batch_written(const std::vector<CapturedImage*>& images) {
    const std::scoped_lock lock(mutex_);
    batch_.clear();
    for (CapturedImage* image : images) {
        beside_ -= image->beside;
        supply_.take_back(std::move(image->piece));
        index_.images.insert(std::move(image->record));
        images_.erase(image->number);
    }
}

void ImageWriter::run_writer() {
    try {
        while (true) {
            const std::vector<CapturedImage*> batch = next_batch();
            if (batch.empty())
                break;
            std::vector<NamedEntry> entries;
            for (CapturedImage* image : batch)
                entries.push_back({.name = image->record.entry_name(options_.folder),
                                   .source = std::make_unique<Entry>(*this, *image)});
            zip_.write(std::move(entries));
            batch_written(batch);
        }
        finished_.set();
    } catch (...) {
        const std::scoped_lock lock(mutex_);
        fail(std::current_exception());
    }
}

std::span<const std::byte> ImageWriter::next_piece(CapturedImage& image) {
    std::unique_lock lock(mutex_);
    writing_ = &image;
    wait_for_progress(lock, [&] { return stop_ || failure_ || image.first_is_encoded() || image.written(); });
    writing_ = nullptr;
    if (failure_)
        std::rethrow_exception(failure_);
    if (stop_)
        throw Error(Fault::interrupted, "the dump was given up");
    supply_.take_back(std::exchange(image.piece, PageMemory()));
    if (image.written()) {
        if (!image.record.has_seek_table() || !image.table.empty())
            return {};
        image.table = seek_table(image.record.frames);
        return image.table;
    }
    const std::unique_ptr<CapturedFrame> frame = image.take_first();
    --backlog_;
    bytes_done_ += frame->size;
    image.piece = std::move(frame->compressed);
    work_.notify_all();
    return image.piece.bytes().first(frame->compressed_size);
}

void ImageWriter::tell(Progress& progress) const {
    std::unique_lock lock(mutex_);
    const std::uint64_t done = bytes_done_;
    const std::uint64_t total = bytes_taken_;
    lock.unlock();
    progress.bytes(done, total);
}

FrameIndex ImageWriter::finish(const Interrupt& interrupt, Progress* progress) {
    constexpr int k_tell_every_ms = 100;
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
        if (::poll(set.data(), set.size(), progress == nullptr ? -1 : k_tell_every_ms) < 0 && errno != EINTR)
            throw OsFailure().error("cannot poll");
        if (set[1].revents != 0)
            interrupt.throw_if_pending();
        if (set[0].revents != 0)
            break;
        if (progress != nullptr)
            tell(*progress);
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
