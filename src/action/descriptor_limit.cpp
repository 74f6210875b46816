// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/descriptor_limit.hpp"

#include <sys/resource.h>

namespace cedana {

void make_room_for_descriptors(std::size_t wanted) {
    constexpr std::size_t k_others = 256;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted + k_others)
        return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace cedana
