// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/core_dumps.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace cedana {

namespace {

std::optional<std::uint64_t>& before_it_was_forbidden() {
    static std::optional<std::uint64_t> soft;
    return soft;
}

} // namespace

std::uint64_t core_limit_at_start() {
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    return before_it_was_forbidden().value_or(limit.rlim_cur);
}

void forbid_core_dumps() {
    if (::geteuid() != 0)
        return;
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    // exec(2) undoes the above; a limit is inherited. 1 byte: a core that is piped to a program knows no limit but this
    // one, by which the kernel tells such a program's own crash (fs/coredump.c). Only the soft limit: CRIU must be able
    // to give a restored program its own again, which without CAP_SYS_RESOURCE goes no higher than the hard one.
    constexpr rlim_t k_no_core = 1;
    rlimit limit{};
    if (::getrlimit(RLIMIT_CORE, &limit) != 0)
        return;
    before_it_was_forbidden() = limit.rlim_cur;
    limit.rlim_cur = std::min(limit.rlim_max, k_no_core);
    ::setrlimit(RLIMIT_CORE, &limit);
}

} // namespace cedana
