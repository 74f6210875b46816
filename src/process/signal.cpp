// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/signal.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/process/file_watch.hpp"
#include "cedana/process/procfs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/stat.h>

namespace cedana {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How often the done file is looked for: inotify does not see what another host writes to a network file
// system, nor a folder that is only made meanwhile.
constexpr milliseconds k_look_interval{50};
constexpr milliseconds k_tell_interval{1000};

std::string signal_name(int signal) { return fmt::format("SIG{}", ::sigabbrev_np(signal)); }

// What changes when a file is made, replaced or written.
using Stamp = std::tuple<dev_t, ino_t, off_t, time_t, long>;

std::optional<Stamp> stamp_of(const std::optional<std::filesystem::path>& path) {
    struct ::stat info {};
    if (!path || ::stat(path->c_str(), &info) != 0)
        return std::nullopt;
    return Stamp(info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

Error ended(const ProcessHandle& process, std::string_view when) {
    return {Fault::no_process, fmt::format("process {} ended {}", process.pid(), when)};
}

ProcessStatus status_of(const Procfs& procfs, const ProcessHandle& process, int signal) {
    auto status = procfs.status(process.pid());
    if (!status || !process.alive())
        throw ended(process, fmt::format("before {} was sent to it", signal_name(signal)));
    return std::move(*status);
}

enum class Event { none, process_ended, interrupted };

Event wait_for_event(const ProcessHandle& process, const Interrupt& interrupt, FileWatch* watch, milliseconds limit) {
    // poll(2) leaves out what is negative.
    const int written = watch != nullptr ? watch->fd() : -1;
    std::array<pollfd, 3> set = {
        {{process.pidfd().get(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}, {written, POLLIN, 0}}};
    if (::poll(set.data(), set.size(), static_cast<int>(limit.count())) < 0) {
        const int err = errno;
        if (err != EINTR)
            throw os_error(err, "cannot wait for a process");
        return Event::none;
    }
    if (set[2].revents != 0)
        watch->take();
    if (set[0].revents != 0)
        return Event::process_ended;
    return set[1].revents != 0 ? Event::interrupted : Event::none;
}

} // namespace

void require_survives(const Procfs& procfs, const ProcessHandle& process, int signal) {
    const ProcessStatus status = status_of(procfs, process, signal);
    if (!status.catches(signal) && !status.ignores(signal))
        throw Error(Fault::usage, fmt::format("process {} does not handle {}, which would end it", process.pid(),
                                              signal_name(signal)))
            .hint("set client.signal_process_pre_dump to false, or let the program handle the signal");
}

WaitEnd signal_before_dump(const Procfs& procfs, const ProcessHandle& process, const PreDumpSignal& request,
                           const Interrupt& interrupt) {
    const auto before = stamp_of(request.done_file);
    // Nothing can keep the program from changing its handlers between this and the signal.
    require_survives(procfs, process, request.signal);
    if (!status_of(procfs, process, request.signal).catches(request.signal))
        spdlog::warn("process {} ignores {}: it will not do anything on it", process.pid(),
                     signal_name(request.signal));
    if (!process.send(request.signal))
        throw ended(process, fmt::format("before {} was sent to it", signal_name(request.signal)));

    const auto deadline = Clock::now() + request.timeout;
    std::chrono::seconds told{-1};
    while (true) {
        // Never negative: to poll(2) that means for ever.
        const milliseconds left = std::max(std::chrono::ceil<milliseconds>(deadline - Clock::now()), milliseconds(0));
        if (const auto seconds = std::chrono::ceil<std::chrono::seconds>(left); request.waits && seconds != told)
            request.waits(told = seconds);
        const milliseconds limit = std::min(left, request.done_file ? k_look_interval : k_tell_interval);
        const Event event = wait_for_event(process, interrupt, request.watch, limit);
        if (event == Event::process_ended)
            throw ended(process, fmt::format("after {} was sent to it", signal_name(request.signal)));
        if (event == Event::interrupted)
            interrupt.throw_if_pending();
        if (const auto now = stamp_of(request.done_file); now && now != before)
            return WaitEnd::done_file;
        if (left == milliseconds(0))
            return WaitEnd::timeout;
    }
}

} // namespace cedana
