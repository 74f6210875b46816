// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/freeze_watch.hpp"

#include "cedana/base/kernel_time.hpp"
#include "cedana/base/kernel_wait.hpp"
#include "cedana/base/time_text.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

bool is_ready(int fd, std::chrono::milliseconds limit) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, static_cast<int>(limit.count())) > 0;
}

Error hangs(Fault fault, const std::string& why) {
    Error error(fault, why);
    error.cause(hung_threads(::getpid()));
    return error;
}

} // namespace

FreezeWatch::FreezeWatch(Watched watched, const Interrupt& interrupt, Begins begins)
    : watched_(std::move(watched)), interrupt_(interrupt), thread_([this] {
          try {
              run();
          } catch (const std::exception& error) {
              // The script hears nothing more, and lets the tree run on.
              spdlog::warn("nobody watches over the frozen tree any more: {}", error.what());
          }
      }) {
    if (begins == Begins::at_once)
        begin();
}

FreezeWatch::~FreezeWatch() {
    stop_.set();
    thread_.join();
}

void FreezeWatch::begin() { has_begun_ = true; }

void FreezeWatch::end() {
    const std::lock_guard lock(doing_);
    over_ = true;
    stop_.set();
}

void FreezeWatch::beat() {
    const std::lock_guard lock(doing_);
    if (!over_)
        watched_.beat();
}

void FreezeWatch::give_up(const Error& error) {
    const std::lock_guard lock(doing_);
    if (!over_)
        watched_.give_up(error);
}

// What waits for a slow disk is woken up for some of what it writes, or sees the disk finish some.
FreezeWatch::Waits FreezeWatch::look_at_waits(Clock::time_point now) {
    std::map<pid_t, std::pair<std::string, Clock::time_point>> waiting;
    Waits waits{.since = now};
    for (const pid_t thread : threads_of(::getpid())) {
        const KernelWait wait = kernel_wait(::getpid(), thread);
        if (!wait.is_for_storage())
            continue;
        std::string mark = wait.switches + (wait.file.empty() ? std::string() : watched_.work_of_disk(wait.file));
        const auto before = waiting_.find(thread);
        const bool is_same = before != waiting_.end() && before->second.first == mark;
        const auto begin = is_same ? before->second.second : now;
        waits.since = std::min(waits.since, begin);
        waits.any_got_on = waits.any_got_on || (before != waiting_.end() && !is_same);
        waiting.emplace(thread, std::pair(std::move(mark), begin));
    }
    waiting_ = std::move(waiting);
    return waits;
}

// What hangs takes no time of a processor.
bool FreezeWatch::moved() {
    constexpr auto k_own_noise = std::chrono::milliseconds(1);
    const auto worked = time_of_clock(CLOCK_PROCESS_CPUTIME_ID) - time_of_clock(CLOCK_THREAD_CPUTIME_ID);
    if (worked < worked_ + k_own_noise)
        return false;
    worked_ = worked;
    return true;
}

// It sees by itself that it has begun: to be woken takes who begins a while, and the tree stands still then.
void FreezeWatch::run() {
    auto last_move = Clock::now();
    while (!is_ready(stop_.fd(), watched_.every)) {
        if (!has_begun_) {
            last_move = Clock::now();
            continue;
        }
        beat();
        const auto now = Clock::now();
        if (watched_.held && watched_.held()) {
            last_move = now;
            waiting_.clear();
            continue;
        }
        const Waits waits = look_at_waits(now);
        if (moved() || waits.any_got_on)
            last_move = now;
        const auto still = now - std::min(last_move, waits.since);
        if (interrupt_.fd() >= 0 && still >= watched_.patience && is_ready(interrupt_.fd(), {}))
            return give_up(hangs(Fault::interrupted, "interrupted while the dump could not go on"));
        if (watched_.limit.count() > 0 && still >= watched_.limit)
            return give_up(
                hangs(Fault::storage, fmt::format("nothing has moved for {} while the tree stood still",
                                                  human_seconds(std::chrono::duration<double>(still).count())))
                    .hint("see whether the disk or the server of the store is at work; where it only takes longer, "
                          "allow more by dump.freeze_limit"));
    }
}

} // namespace cedana::criu
