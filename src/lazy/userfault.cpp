// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/userfault.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

// What CRIU asks for (criu/uffd.c, NEED_UFFD_API_FEATURES).
constexpr std::uint64_t k_events =
    UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP;

// Absent: none of the outcomes.
std::optional<UserFault::Outcome> outcome_of(int error_number) {
    switch (error_number) {
    case EAGAIN:
        return UserFault::Outcome::changing;
    case EEXIST:
        return UserFault::Outcome::present;
    case ENOENT:
        return UserFault::Outcome::not_mapped;
    // Linux before 4.13 said ENOSPC for ESRCH.
    case ENOSPC:
    case ESRCH:
        return UserFault::Outcome::gone;
    default:
        return std::nullopt;
    }
}

UserFault::Event event_of(const uffd_msg& message) {
    switch (message.event) {
    case UFFD_EVENT_PAGEFAULT:
        return UserFault::Touched{.address = message.arg.pagefault.address};
    case UFFD_EVENT_FORK:
        return UserFault::Forked{.descriptor = UniqueFd(static_cast<int>(message.arg.fork.ufd))};
    case UFFD_EVENT_REMAP:
        return UserFault::Moved{
            .from = message.arg.remap.from, .to = message.arg.remap.to, .length = message.arg.remap.len};
    case UFFD_EVENT_REMOVE:
    case UFFD_EVENT_UNMAP:
        return UserFault::Dropped{.start = message.arg.remove.start,
                                  .end = message.arg.remove.end,
                                  .still_mapped = message.event == UFFD_EVENT_REMOVE};
    default:
        throw Error(Fault::internal, fmt::format("userfaultfd tells of an unknown event {}", message.event));
    }
}

} // namespace

std::optional<UserFault::Event> UserFault::next() const {
    uffd_msg message{};
    ssize_t count = 0;
    do
        count = ::read(fd_.get(), &message, sizeof message);
    while (count < 0 && errno == EINTR);
    if (count == sizeof message)
        return event_of(message);
    const int err = errno;
    if (count >= 0 || err == EAGAIN)
        return std::nullopt;
    throw os_error(err, "cannot read from a userfaultfd");
}

UserFault::Copied UserFault::copy(std::uint64_t to, std::span<const std::byte> pages) const {
    uffdio_copy request{
        .dst = to, .src = reinterpret_cast<std::uintptr_t>(pages.data()), .len = pages.size(), .mode = 0, .copy = 0};
    if (::ioctl(fd_.get(), UFFDIO_COPY, &request) == 0)
        return {.outcome = Outcome::done, .bytes = pages.size()};
    const int err = errno;
    // A copy that stops midway says how far it came, and EAGAIN.
    const std::size_t bytes = request.copy > 0 ? static_cast<std::size_t>(request.copy) : 0;
    if (const auto outcome = outcome_of(err))
        return {.outcome = *outcome, .bytes = bytes};
    throw os_error(err, fmt::format("cannot put pages into a process at {:#x}", to), Fault::restore_failed);
}

UserFault::Outcome UserFault::zero(std::uint64_t page, std::size_t size) const {
    uffdio_zeropage request{.range = {.start = page, .len = size}, .mode = 0, .zeropage = 0};
    if (::ioctl(fd_.get(), UFFDIO_ZEROPAGE, &request) == 0)
        return Outcome::done;
    const int err = errno;
    if (const auto outcome = outcome_of(err))
        return *outcome;
    throw os_error(err, fmt::format("cannot put a page into a process at {:#x}", page), Fault::restore_failed);
}

void UserFault::wake(std::uint64_t page, std::size_t size) const {
    uffdio_range range{.start = page, .len = size};
    // It fails only for a range that is none.
    ::ioctl(fd_.get(), UFFDIO_WAKE, &range);
}

void UserFault::ignore(std::uint64_t start, std::uint64_t end) const {
    uffdio_range range{.start = start, .len = end - start};
    // It fails where the mapping is gone meanwhile. What is touched there and still watched is answered with zeros.
    ::ioctl(fd_.get(), UFFDIO_UNREGISTER, &range);
}

bool UserFault::is_steady() const {
    // The kernel looks for changes under way (EAGAIN) before it looks at the request, and of no bytes it copies none
    // (EINVAL; fs/userfaultfd.c).
    uffdio_copy nothing{.dst = 0, .src = 0, .len = 0, .mode = 0, .copy = 0};
    return ::ioctl(fd_.get(), UFFDIO_COPY, &nothing) == 0 || errno != EAGAIN;
}

void require_userfault() {
    const UniqueFd fd(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
    if (!fd) {
        const int err = errno;
        throw Error(Fault::environment, fmt::format("this host has no userfaultfd for --lazy: {}", errno_text(err)))
            .hint(err == ENOSYS ? "use a kernel with CONFIG_USERFAULTFD, or restore without --lazy"
                                : "allow it (in a container: its seccomp profile, and CAP_SYS_PTRACE; else "
                                  "sysctl vm.unprivileged_userfaultfd=1), or restore without --lazy");
    }
    uffdio_api api{.api = UFFD_API, .features = k_events, .ioctls = 0};
    if (::ioctl(fd.get(), UFFDIO_API, &api) != 0) {
        const int err = errno;
        throw Error(Fault::environment,
                    fmt::format("userfaultfd does not tell of forks and mappings here: {}", errno_text(err)))
            .hint("use Linux 4.11 or later, with CAP_SYS_PTRACE, or restore without --lazy");
    }
}

} // namespace cedana::criu
