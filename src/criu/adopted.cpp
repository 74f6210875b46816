// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/adopted.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"

#include <algorithm>

#include <sys/prctl.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

// A child cannot be reaped by anybody else, so its pid stays its own until we do it.
void kill_children_but(const std::vector<pid_t>& spared) {
    const auto found = [&] {
        std::vector<pid_t> children = children_of(::getpid());
        std::erase_if(children, [&](pid_t pid) { return std::ranges::count(spared, pid) != 0; });
        return children;
    };
    for (auto pids = found(); !pids.empty(); pids = found())
        for (const pid_t pid : pids)
            kill_child(pid);
}

bool is_subreaper() {
    int answer = 0;
    if (::prctl(PR_GET_CHILD_SUBREAPER, &answer, 0UL, 0UL, 0UL) != 0)
        throw OsFailure().error("cannot ask who adopts orphans");
    return answer != 0;
}

} // namespace

Subreaper::Subreaper() : strangers_(children_of(::getpid())), was_one_(is_subreaper()) {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) != 0)
        throw OsFailure().error("cannot become a subreaper");
}

Subreaper::~Subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, was_one_ ? 1UL : 0UL, 0UL, 0UL, 0UL); }

void Subreaper::kill_all() const { kill_children_but(strangers_); }

void kill_children() { kill_children_but({}); }

} // namespace cedana::criu
