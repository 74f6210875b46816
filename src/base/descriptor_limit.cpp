// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/descriptor_limit.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
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

std::uint64_t& more_for_a_while() {
    static std::uint64_t more = 0;
    return more;
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

std::uint64_t descriptor_limit() { return limits().rlim_cur - more_for_a_while(); }

MoreDescriptors::MoreDescriptors(std::uint64_t more) {
    rlimit limit = limits();
    limit.rlim_cur += more;
    limit.rlim_max = std::max(limit.rlim_max, limit.rlim_cur);
    // Of a process without CAP_SYS_RESOURCE, and above fs.nr_open, it stays (getrlimit(2)).
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    more_ = more;
    more_for_a_while() += more;
}

MoreDescriptors::~MoreDescriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur -= more_;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    more_for_a_while() -= more_;
}

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
