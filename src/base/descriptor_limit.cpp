// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/descriptor_limit.hpp"

#include "cedana/base/error.hpp"

#include <optional>

#include <spdlog/fmt/fmt.h>

#include <sys/resource.h>

namespace cedana {

namespace {

// As much a property of the process as the limit itself.
std::optional<rlim_t>& before_the_raise() {
    static std::optional<rlim_t> soft;
    return soft;
}

rlimit limits() {
    rlimit now{};
    if (::getrlimit(RLIMIT_NOFILE, &now) != 0)
        throw OsFailure().error("cannot ask for the limit of open descriptors");
    return now;
}

} // namespace

void raise_descriptor_limit() {
    rlimit limit = limits();
    before_the_raise() = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    // Refused where fs.nr_open was lowered below the hard limit since (kernel/sys.c).
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::uint64_t descriptor_limit_at_start() { return before_the_raise().value_or(limits().rlim_cur); }

std::uint64_t descriptor_limit() { return limits().rlim_cur; }

void require_descriptors(std::uint64_t wanted, const std::string& what, std::uint64_t limit) {
    if (limit >= wanted)
        return;
    throw Error(
        Fault::environment,
        fmt::format("{} needs room for {} open files, and {} are allowed here (RLIMIT_NOFILE)", what, wanted, limit))
        .hint(
            fmt::format("raise the hard limit before: ulimit -Hn {} in a shell of root, LimitNOFILE={} for a service, "
                        "--ulimit nofile={} for a container",
                        wanted, wanted, wanted));
}

} // namespace cedana
