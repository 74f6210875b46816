// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/tree_unit.hpp"
#include "cedana/base/error.hpp"

#include <gtest/gtest.h>

#include "support/assertions.hpp"

namespace cedana {
namespace {

using namespace std::chrono_literals;
using testing::holds;

TreeUnit watched(std::chrono::microseconds limit) {
    return {.unit = {.name = "a.service"}, .state = {.watchdog = limit}, .is_main = true};
}

TEST(WatchedUnit, MayNotStandStillForMoreThanHalfOfItsTime) {
    EXPECT_NO_THROW(require_watchdog(watched(0s), 1h));
    EXPECT_NO_THROW(require_watchdog(watched(10s), 5s));
    try {
        require_watchdog(watched(10s), 6s);
        FAIL();
    } catch (const Error& error) {
        EXPECT_TRUE(holds(error.message(), "WatchdogSec="));
        EXPECT_TRUE(holds(error.hint(), "systemctl edit a.service"));
        EXPECT_TRUE(holds(error.hint(), "WatchdogSec=26"));
    }
}

TEST(WatchedUnit, StandsStillTheLongerTheMoreMemoryItHas) {
    EXPECT_LT(expected_pause(0), 1s);
    EXPECT_GT(expected_pause(std::uint64_t{4} << 30), 10s);
}

TEST(UnitWithARootOfItsOwn, IsRefusedWithTheDropIn) {
    TreeUnit unit = watched(0s);
    EXPECT_NO_THROW(require_root_of_host(unit));
    unit.state.sandbox.other_root = "/srv/root";
    try {
        require_root_of_host(unit);
        FAIL();
    } catch (const Error& error) {
        EXPECT_TRUE(holds(error.message(), "/srv/root"));
        EXPECT_TRUE(holds(error.hint(), "RootDirectory="));
    }
}

TEST(StoppedUnit, IsNamedWithWhatSystemdRunsForIt) {
    TreeUnit unit = watched(0s);
    EXPECT_EQ(stop_sentences(unit).size(), 1U);
    unit.state.stop_command = "/bin/x";
    ASSERT_EQ(stop_sentences(unit).size(), 2U);
    EXPECT_TRUE(
        holds(stop_sentences(unit)[1], "systemd does not run what a.service has for its end (ExecStop=): /bin/x"));
    unit.unit.user = "1000";
    EXPECT_TRUE(holds(stop_sentences(unit)[1], "systemd runs what"));
    unit.is_main = false;
    EXPECT_TRUE(stop_sentences(unit).empty());
}

TEST(StoppedUnit, IsNoFailure) {
    TreeUnit unit = watched(0s);
    EXPECT_FALSE(unit.holds_back_stop());
    unit.state.on_failure = "mail-root.service";
    EXPECT_TRUE(unit.holds_back_stop());
    EXPECT_EQ(stop_sentences(unit).size(), 1U);
}

} // namespace
} // namespace cedana
