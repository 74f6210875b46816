// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/fill.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/memory.hpp"

#include <chrono>
#include <utility>
#include <variant>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

std::uint64_t lazy_pages_of(const std::map<pid_t, LazyTask>& tasks) {
    std::uint64_t pages = 0;
    for (const auto& [pid, task] : tasks)
        pages += task.map.lazy_pages();
    return pages;
}

} // namespace

LazyFill::LazyFill(UniqueFd channel, std::map<pid_t, LazyTask> tasks, const MakeReader& make_reader,
                   FillWitness& witness, FillOptions options)
    : channel_(std::move(channel)), tasks_(std::move(tasks)), witness_(witness), page_size_(page_size()),
      workers_(lazy_pages_of(tasks_), make_reader, options) {}

void LazyFill::run(const std::function<void(const FillProgress&)>& report) {
    constexpr auto k_report_every = std::chrono::milliseconds(500);
    // After its event was read, a process goes on without a further event.
    constexpr auto k_look_every = std::chrono::milliseconds(1);
    loop_.watch(channel_.get(), POLLIN, [this](short) { receive_criu(); });
    loop_.watch(workers_.news(), POLLIN, [this](short) { workers_.clear_news(); });
    while (true) {
        workers_.rethrow_failure();
        const bool waits = close_complete_spaces();
        if (workers_.tree_goes_on() && workers_.spaces().empty())
            return report(progress());
        if (std::chrono::steady_clock::now() - last_report_ >= k_report_every) {
            report(progress());
            last_report_ = std::chrono::steady_clock::now();
        }
        loop_.run_once(waits ? k_look_every : k_report_every);
    }
}

void LazyFill::receive_criu() {
    criu_.emplace(LazyHandover::receive_passed(channel_.get()));
    loop_.unwatch(channel_.get());
    channel_.reset();
    loop_.watch(criu_->fd(), POLLIN, [this](short) { read_criu(); });
}

void LazyFill::read_criu() {
    while (auto message = criu_->next()) {
        if (auto* task = std::get_if<LazyHandover::Task>(&*message)) {
            add_task(std::move(*task));
        } else if (std::holds_alternative<LazyHandover::TreeGoesOn>(*message)) {
            workers_.let_tree_go_on();
            last_report_ = {};
            witness_.tree_goes_on();
        } else {
            if (!workers_.tree_goes_on())
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
    LazyPieces::Image& image = workers_.begin_task(map);
    tasks_.erase(known);
    add_space(image, std::move(space), task.pid);
}

void LazyFill::add_space(LazyPieces::Image& image, LazyPieces::Space space, pid_t pid) {
    witness_.opened(space->fd(), pid);
    loop_.watch(space->fd(), POLLIN, [this, &image, space](short) { read_events(image, space); });
    workers_.add(image, std::move(space));
}

void LazyFill::read_events(LazyPieces::Image& image, const LazyPieces::Space& space) {
    LazySpace::Events events = space->read_events();
    for (auto& child : events.children)
        add_space(image, std::move(child), 0);
    if (!events.wanted.empty())
        workers_.want(image, space, events.wanted);
}

bool LazyFill::close_complete_spaces() {
    bool waits = false;
    if (!workers_.tree_goes_on())
        return waits;
    for (const auto& [image, space] : workers_.spaces()) {
        if (space->pending() != 0)
            continue;
        read_events(*image, space);
        if (!space->is_complete()) {
            waits = true;
            continue;
        }
        loop_.unwatch(space->fd());
        witness_.closing(space->fd());
        workers_.remove(*image, space);
    }
    return waits;
}

} // namespace cedana::criu
