// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/adopted.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"

#include <cerrno>

#include <sys/prctl.h>
#include <unistd.h>

namespace cedana::criu {

Subreaper::Subreaper() {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) != 0) {
        const int err = errno;
        throw os_error(err, "cannot become a subreaper");
    }
}

Subreaper::~Subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 0UL, 0UL, 0UL, 0UL); }

void Subreaper::kill_all() const { kill_children(); }

void kill_children() {
    // A child cannot be reaped by anybody else, so its pid stays its own until we do it.
    for (auto pids = children_of(::getpid()); !pids.empty(); pids = children_of(::getpid()))
        for (const pid_t pid : pids)
            kill_child(pid);
}

} // namespace cedana::criu
