// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/systemd.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

using namespace std::chrono_literals;

TEST(UnitState, IsReadFromWhatSystemctlShows) {
    const UnitState state = parse_unit_state(
        "MainPID=452\nActiveState=active\nRuntimeDirectory=redis\nWatchdogUSec=1min 30s\n"
        "ExecStop={ path=/bin/x ; argv[]=/bin/x -q a ; ignore_errors=yes ; pid=0 ; code=(null) ; status=0/0 }\n");
    EXPECT_EQ(state.main_pid, 452);
    EXPECT_EQ(state.active, "active");
    EXPECT_EQ(state.runtime_folders, "redis");
    EXPECT_EQ(state.watchdog, 90s);
    EXPECT_EQ(state.stop_command, "/bin/x -q a");
}

TEST(UnitState, OfAUnitWithoutAnyIsEmpty) {
    const UnitState state = parse_unit_state("MainPID=0\nWatchdogUSec=0\nExecStop=\n");
    EXPECT_EQ(state.main_pid, 0);
    EXPECT_EQ(state.watchdog, 0s);
    EXPECT_EQ(state.stop_command, "");
    EXPECT_EQ(parse_unit_state("").main_pid, 0);
}

TEST(UnitState, KnowsAUnitThatStandsForOthers) {
    const char* const shown = "Type=oneshot\nMainPID=0\nWants=a.socket b@1.service\nConsistsOf=b@1.service\n";
    const UnitState state = parse_unit_state(shown);
    EXPECT_TRUE(state.is_umbrella());
    EXPECT_EQ(state.members, std::vector<std::string>{"b@1.service"});
    EXPECT_FALSE(parse_unit_state("Type=forking\nMainPID=0\nWants=b.service\n").is_umbrella());
}

TEST(UnitState, HasTheSocketsThatStartIt) {
    EXPECT_EQ(parse_unit_state("TriggeredBy=a.socket a.path b.socket\n").sockets,
              (std::vector<std::string>{"a.socket", "b.socket"}));
}

TEST(UnitState, KnowsAUnitThatTellsWhenItWasReloaded) {
    EXPECT_TRUE(parse_unit_state("Type=notify-reload\n").times_reloads);
    EXPECT_FALSE(parse_unit_state("Type=notify\n").times_reloads);
}

TEST(UnitState, HasTimesAsSystemdWritesThem) {
    const auto watchdog = [](const char* text) {
        return parse_unit_state(std::string("WatchdogUSec=") + text + "\n").watchdog;
    };
    EXPECT_EQ(watchdog("500ms"), 500ms);
    EXPECT_EQ(watchdog("3min"), 3min);
    EXPECT_EQ(watchdog("1.5s"), 1500ms);
    EXPECT_EQ(watchdog("2h 1s"), 2h + 1s);
    EXPECT_EQ(watchdog("infinity"), 0s);
}

} // namespace
} // namespace cedana
