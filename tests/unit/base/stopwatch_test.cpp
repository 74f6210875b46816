// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/stopwatch.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace cedana {
namespace {

TEST(Stopwatch, LeavesOutWhatWasWaitedForSomebody) {
    Stopwatch watch;
    watch.leave_out(std::chrono::hours(1));
    watch.lap("prepare");
    EXPECT_LT(watch.seconds(), -3000);
    EXPECT_LT(watch.phases().at("prepare"), -3000);
}

} // namespace
} // namespace cedana
