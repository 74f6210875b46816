// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/fill.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/parallel.hpp"

#include <algorithm>
#include <chrono>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <unistd.h>

namespace cedana::criu {

LazyFill::LazyFill(UniqueFd channel, std::map<pid_t, LazyTask> tasks, const MakeReader& make_reader,
                   FillWitness& witness, FillOptions options)
    : channel_(std::move(channel)), tasks_(std::move(tasks)), witness_(witness),
      page_size_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))), pieces_(options.piece_size / page_size_) {
    for (const auto& [pid, task] : tasks_)
        pages_total_ += task.map.lazy_pages();
    pages_to_hand_over_ = pages_total_;
    const unsigned background = options.threads != 0 ? options.threads : core_count();
    for (unsigned i = 0; i <= background; ++i)
        readers_.push_back(make_reader());
    try {
        threads_.emplace_back([this] { work(*readers_[0], Role::urgent); });
        for (unsigned i = 1; i <= background; ++i)
            threads_.emplace_back([this, i] { work(*readers_[i], Role::background); });
    } catch (...) {
        end_threads();
        throw;
    }
}

LazyFill::~LazyFill() { end_threads(); }

void LazyFill::end_threads() {
    {
        const std::scoped_lock lock(mutex_);
        stop_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
}

FillProgress LazyFill::progress() const {
    const std::scoped_lock lock(mutex_);
    return {.tree_goes_on = tree_goes_on_,
            .bytes_total = pages_total_ * page_size_,
            .bytes_left = (pages_to_hand_over_ + pieces_.pending_pages()) * page_size_,
            .pages_wanted = pages_wanted_};
}

void LazyFill::run(const std::function<void(const FillProgress&)>& tell) {
    constexpr auto k_tell_every = std::chrono::milliseconds(500);
    // No event tells that a process has gone on whose event was read.
    constexpr auto k_look_every = std::chrono::milliseconds(1);
    loop_.watch(channel_.get(), POLLIN, [this](short) { meet_criu(); });
    loop_.watch(look_again_.fd(), POLLIN, [this](short) { look_again_.clear(); });
    while (true) {
        rethrow_failure();
        const bool waits = close_complete_spaces();
        if (is_finished())
            return tell(progress());
        if (std::chrono::steady_clock::now() - told_ >= k_tell_every) {
            tell(progress());
            told_ = std::chrono::steady_clock::now();
        }
        loop_.run_once(waits ? k_look_every : k_tell_every);
    }
}

void LazyFill::meet_criu() {
    criu_.emplace(LazyHandover::take(channel_.get()));
    loop_.unwatch(channel_.get());
    channel_.reset();
    loop_.watch(criu_->fd(), POLLIN, [this](short) { hear_criu(); });
}

void LazyFill::hear_criu() {
    while (auto message = criu_->next()) {
        if (auto* task = std::get_if<LazyHandover::Task>(&*message)) {
            add_task(std::move(*task));
        } else if (std::holds_alternative<LazyHandover::TreeGoesOn>(*message)) {
            {
                const std::scoped_lock lock(mutex_);
                tree_goes_on_ = true;
                told_ = {};
                work_.notify_all();
            }
            witness_.tree_goes_on();
        } else {
            if (!tree_goes_on_)
                throw Error(Fault::interrupted, "criu ended before the tree was restored");
            loop_.unwatch(criu_->fd());
            criu_.reset();
            return;
        }
    }
}

void LazyFill::add_task(LazyHandover::Task task) {
    const auto known = tasks_.find(task.pid);
    if (known == tasks_.end())
        throw Error(Fault::checkpoint, fmt::format("the checkpoint has no pagemap of process {}", task.pid));
    const Pagemap& map = known->second.map;
    PendingPages pending(page_size_);
    for (const PageRun& run : map.runs)
        if (run.lazy)
            pending.add({.address = run.address, .page = run.first, .count = run.pages});
    spdlog::debug("process {}: {} pages to come", task.pid, pending.count());
    auto space = std::make_shared<LazySpace>(UserFault(std::move(task.fault)), std::move(pending),
                                             std::move(known->second.wiped_on_fork), page_size_);
    LazyPieces::Image* image = nullptr;
    {
        const std::scoped_lock lock(mutex_);
        image = &pieces_.image_of(map);
        pages_to_hand_over_ -= map.lazy_pages();
    }
    tasks_.erase(known);
    add_space(*image, std::move(space), task.pid);
}

void LazyFill::add_space(LazyPieces::Image& image, LazyPieces::Space space, pid_t pid) {
    witness_.opened(space->fd(), pid);
    loop_.watch(space->fd(), POLLIN, [this, &image, space](short) { hear_space(image, space); });
    const std::scoped_lock lock(mutex_);
    image.spaces.push_back(std::move(space));
    work_.notify_all();
}

void LazyFill::hear_space(LazyPieces::Image& image, const LazyPieces::Space& space) {
    LazySpace::Happened happened = space->read_events();
    for (auto& child : happened.children)
        add_space(image, std::move(child), 0);
    if (happened.wanted.empty())
        return;
    const std::scoped_lock lock(mutex_);
    pages_wanted_ += happened.wanted.size();
    for (const std::uint64_t page : happened.wanted)
        pieces_.want(image, space, page);
    work_.notify_all();
}

bool LazyFill::close_complete_spaces() {
    bool waits = false;
    if (!tree_goes_on_)
        return waits;
    for (const auto& [image, space] : spaces()) {
        if (space->pending() != 0)
            continue;
        hear_space(*image, space);
        if (!space->is_complete()) {
            waits = true;
            continue;
        }
        loop_.unwatch(space->fd());
        witness_.closing(space->fd());
        const std::scoped_lock lock(mutex_);
        std::erase(image->spaces, space);
    }
    return waits;
}

bool LazyFill::is_finished() const { return tree_goes_on_ && spaces().empty(); }

std::vector<std::pair<LazyPieces::Image*, LazyPieces::Space>> LazyFill::spaces() const {
    const std::scoped_lock lock(mutex_);
    return pieces_.spaces();
}

void LazyFill::rethrow_failure() const {
    const std::scoped_lock lock(mutex_);
    if (failure_)
        std::rethrow_exception(failure_);
}

void LazyFill::guard(const std::function<void(std::unique_lock<std::mutex>&)>& work) noexcept {
    std::unique_lock lock(mutex_);
    try {
        work(lock);
    } catch (...) {
        if (!lock.owns_lock())
            lock.lock();
        if (!failure_)
            failure_ = std::current_exception();
        stop_ = true;
        work_.notify_all();
    }
    look_again_.set();
}

std::optional<LazyPieces::Taken> LazyFill::take(Role role) {
    if (auto wanted = pieces_.take_wanted())
        return wanted;
    return role == Role::background && tree_goes_on_ ? pieces_.take_next() : std::nullopt;
}

void LazyFill::work(PageReader& reader, Role role) {
    guard([&](std::unique_lock<std::mutex>& lock) {
        while (true) {
            std::optional<LazyPieces::Taken> taken;
            work_.wait(lock, [&] { return stop_ || (taken = take(role)); });
            if (stop_)
                return;
            lock.unlock();
            fill(*taken, reader);
            lock.lock();
        }
    });
}

void LazyFill::fill(const LazyPieces::Taken& taken, PageReader& reader) {
    const LazyPieces::Image& image = *taken.place.first;
    const std::uint64_t first = pieces_.first_page_of(taken.place);
    const std::span<const std::byte> pages = reader.read(image.name, taken.place.second);
    if (taken.space)
        place_in(*taken.space, taken.page, pages.subspan((taken.page - first) * page_size_, page_size_));
    std::unique_lock lock(mutex_);
    // A child that is forked meanwhile may have pages of it pending too.
    while (!stop_ && pieces_.is_pending(taken.place)) {
        const std::vector<LazyPieces::Space> spaces = image.spaces;
        lock.unlock();
        for (const LazyPieces::Space& space : spaces)
            place_in(*space, first, pages);
        lock.lock();
    }
    pieces_.give_back(taken.place);
    // Spaces may be complete.
    look_again_.set();
}

void LazyFill::place_in(LazySpace& space, std::uint64_t first, std::span<const std::byte> pages) const {
    while (space.place(first, pages) == LazySpace::Placed::not_yet && !stop_)
        std::this_thread::yield();
}

} // namespace cedana::criu
