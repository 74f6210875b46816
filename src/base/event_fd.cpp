// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/event_fd.hpp"

#include "cedana/base/error.hpp"

#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

namespace cedana {

EventFd::EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_)
        throw OsFailure().error("cannot make an event descriptor");
}

void EventFd::set() const noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t count = ::write(fd_.get(), &one, sizeof one);
}

void EventFd::clear() const noexcept {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t count = ::read(fd_.get(), &ignored, sizeof ignored);
}

} // namespace cedana
