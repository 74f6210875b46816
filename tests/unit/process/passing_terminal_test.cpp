// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/passing_terminal.hpp"

#include <gtest/gtest.h>

#include <sys/sysmacros.h>

#include "unit/process/fake_proc.hpp"

namespace cedana::testing {
namespace {

const dev_t k_users = makedev(136, 3);
const dev_t k_sudos = makedev(136, 4);
const dev_t k_inner = makedev(136, 5);

class PassingTerminals : public ::testing::Test {
  protected:
    // A shell with jobs, and sudo as its job in the foreground; then sudo's monitor and the command.
    void add_sudo() {
        add_shell();
        proc.add({.pid = 20,
                  .parent = 10,
                  .comm = "sudo",
                  .executable = "/usr/bin/sudo",
                  .session = 10,
                  .terminal = k_users,
                  .foreground_group = 20});
        proc.add({.pid = 21,
                  .parent = 20,
                  .comm = "sudo",
                  .executable = "/usr/bin/sudo",
                  .terminal = k_sudos,
                  .foreground_group = 22});
    }
    void add_shell() {
        proc.add({.pid = 10,
                  .parent = 2,
                  .comm = "bash",
                  .executable = "/usr/bin/bash",
                  .terminal = k_users,
                  .foreground_group = 20});
        proc.add({.pid = 2, .comm = "tmux: server", .executable = "/usr/bin/tmux"});
    }
    [[nodiscard]] std::optional<PassingTerminal> found(pid_t pid) const {
        return find_passing_terminal(proc.procfs(), pid);
    }

    FakeProc proc;
};

TEST_F(PassingTerminals, OfAJobOfAShellThereIsNone) {
    add_shell();
    proc.add({.pid = 20, .parent = 10, .session = 10, .terminal = k_users, .foreground_group = 20});
    EXPECT_EQ(found(20), std::nullopt);
    EXPECT_EQ(passing_numbers(proc.procfs(), 20), std::vector<unsigned>());
}

TEST_F(PassingTerminals, OfAProcessWithoutATerminalThereIsNone) {
    proc.add({.pid = 20, .parent = 1});
    EXPECT_EQ(found(20), std::nullopt);
}

TEST_F(PassingTerminals, SudosEndsWithItsCommandAndTheUsersIsBeyond) {
    add_sudo();
    proc.add({.pid = 22, .parent = 21, .session = 21, .terminal = k_sudos, .foreground_group = 22});
    EXPECT_EQ(found(22), (PassingTerminal{.maker = "sudo", .beyond = HeldTerminal{.device = k_users, .pid = 20}}));
}

TEST_F(PassingTerminals, SudosEndsWithAScriptThatItRuns) {
    add_sudo();
    proc.add({.pid = 22, .parent = 21, .comm = "sh", .session = 21, .terminal = k_sudos, .foreground_group = 22});
    proc.add({.pid = 23, .parent = 22, .group = 22, .session = 21, .terminal = k_sudos, .foreground_group = 22});
    EXPECT_EQ(found(23), (PassingTerminal{.maker = "sudo", .beyond = HeldTerminal{.device = k_users, .pid = 20}}));
}

TEST_F(PassingTerminals, SudosLastsForAJobOfAShellThatItRuns) {
    add_sudo();
    proc.add({.pid = 22,
              .parent = 21,
              .comm = "bash",
              .executable = "/usr/bin/bash",
              .session = 21,
              .terminal = k_sudos,
              .foreground_group = 23});
    proc.add({.pid = 23, .parent = 22, .session = 21, .terminal = k_sudos, .foreground_group = 23});
    EXPECT_EQ(found(23), std::nullopt);
}

TEST_F(PassingTerminals, OfSudoInSudoTheUsersIsBeyondBoth) {
    add_sudo();
    proc.add({.pid = 22,
              .parent = 21,
              .comm = "sudo",
              .executable = "/usr/bin/sudo",
              .session = 21,
              .terminal = k_sudos,
              .foreground_group = 22});
    proc.add({.pid = 23, .parent = 22, .executable = "/usr/bin/sudo", .terminal = k_inner, .foreground_group = 24});
    proc.add({.pid = 24, .parent = 23, .session = 23, .terminal = k_inner, .foreground_group = 24});
    EXPECT_EQ(found(24), (PassingTerminal{.maker = "sudo", .beyond = HeldTerminal{.device = k_users, .pid = 20}}));
    EXPECT_EQ(passing_numbers(proc.procfs(), 24), (std::vector<unsigned>{5, 4}));
}

TEST_F(PassingTerminals, ThatOfScriptEndsWithItsCommand) {
    add_shell();
    proc.add({.pid = 20,
              .parent = 10,
              .comm = "script",
              .executable = "/usr/bin/script",
              .session = 10,
              .terminal = k_users,
              .foreground_group = 20});
    proc.add({.pid = 21, .parent = 20, .terminal = k_inner, .foreground_group = 21});
    EXPECT_EQ(found(21), (PassingTerminal{.maker = "script", .beyond = HeldTerminal{.device = k_users, .pid = 20}}));
}

// The shell from which it was started is not what the user looks at.
TEST_F(PassingTerminals, OfAnEmulatorBesideAShellNothingIsBeyond) {
    add_shell();
    proc.add({.pid = 30,
              .parent = 10,
              .comm = "xterm",
              .executable = "/usr/bin/xterm",
              .session = 10,
              .terminal = k_users,
              .foreground_group = 10});
    proc.add({.pid = 31, .parent = 30, .terminal = k_inner, .foreground_group = 31});
    EXPECT_EQ(found(31), (PassingTerminal{.maker = "xterm", .beyond = std::nullopt}));
}

TEST_F(PassingTerminals, ThatOfALeaderEndsWithIt) {
    proc.add({.pid = 5, .comm = "sshd", .executable = "/usr/sbin/sshd"});
    proc.add({.pid = 40, .parent = 5, .terminal = k_inner, .foreground_group = 40});
    EXPECT_EQ(found(40), (PassingTerminal{.maker = "sshd", .beyond = std::nullopt}));
}

TEST_F(PassingTerminals, ThatOfAScriptThatLeadsIsTheOneThatTheUserLooksAt) {
    proc.add({.pid = 5, .comm = "sshd", .executable = "/usr/sbin/sshd"});
    proc.add({.pid = 40, .parent = 5, .comm = "sh", .terminal = k_inner, .foreground_group = 40});
    proc.add({.pid = 41, .parent = 40, .group = 40, .session = 40, .terminal = k_inner, .foreground_group = 40});
    EXPECT_EQ(found(41), (PassingTerminal{.maker = "sshd", .beyond = HeldTerminal{.device = k_inner, .pid = 40}}));
}

} // namespace
} // namespace cedana::testing
