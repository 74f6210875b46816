// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/kernel_time.hpp"

#include "cedana/base/error.hpp"

namespace cedana {

std::chrono::nanoseconds time_of_clock(clockid_t clock) {
    timespec time{};
    if (::clock_gettime(clock, &time) != 0)
        throw OsFailure(Fault::environment).error("cannot read clock {} of this host", clock);
    return nanoseconds_of(time);
}

} // namespace cedana
