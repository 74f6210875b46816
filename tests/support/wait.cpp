// SPDX-License-Identifier: Apache-2.0
#include "support/wait.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace cedana::testing {

namespace {

using Clock = std::chrono::steady_clock;

// False when `deadline` passes first.
bool wait_readable(int fd, Clock::time_point deadline) {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
        // A deadline that has passed is a look without waiting.
        const int ready = ::poll(&entry, 1, std::max(0, static_cast<int>(left.count())));
        if (ready >= 0)
            return ready > 0;
        if (const int err = errno; err != EINTR)
            throw os_error(err, "cannot poll");
    }
}

} // namespace

void wait_for_file(const std::filesystem::path& path, std::chrono::milliseconds limit) {
    const auto deadline = Clock::now() + limit;
    const UniqueFd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!events ||
        ::inotify_add_watch(events.get(), path.parent_path().c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
        throw OsFailure().error("cannot watch {}", path.parent_path().string());
    std::array<char, 4096> ignored;
    while (!std::filesystem::exists(path)) {
        if (!wait_readable(events.get(), deadline))
            throw Error(Fault::internal, fmt::format("{} did not appear within {} ms", path.string(), limit.count()));
        while (::read(events.get(), ignored.data(), ignored.size()) > 0) {}
    }
}

void wait_for_end(const UniqueFd& pidfd, std::chrono::milliseconds limit) {
    if (!wait_readable(pidfd.get(), Clock::now() + limit))
        throw Error(Fault::internal, fmt::format("a process did not end within {} ms", limit.count()));
}

bool is_running(pid_t pid) {
    const auto pidfd = open_pidfd(pid);
    return pidfd && !wait_readable(pidfd->get(), Clock::now());
}

} // namespace cedana::testing
