// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/descendants.hpp"

#include <array>
#include <map>
#include <thread>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <sched.h>
#include <unistd.h>

#include "unit/process/fake_proc.hpp"

namespace cedana {
namespace {

using testing::FakeProc;

// A tree of 10, its child 11 and that one's child 12; 20 and its child 21 are others.
class DescendantsOf : public ::testing::Test {
  protected:
    DescendantsOf() {
        proc.add({.pid = 10, .parent = 1, .start_time = 100});
        proc.add({.pid = 11, .parent = 10, .start_time = 110});
        proc.add({.pid = 12, .parent = 11, .start_time = 120});
        proc.add({.pid = 20, .parent = 1, .start_time = 200});
        proc.add({.pid = 21, .parent = 20, .start_time = 210});
    }

    FakeProc proc;
};

TEST_F(DescendantsOf, AProcessAreItselfAndAllBelowIt) {
    const Descendants tree(proc.procfs(), 10);
    for (const pid_t pid : {10, 11, 12})
        EXPECT_TRUE(tree.contain(pid)) << pid;
    for (const pid_t pid : {1, 20, 21})
        EXPECT_FALSE(tree.contain(pid)) << pid;
}

TEST_F(DescendantsOf, AProcessAreThoseToo) {
    Descendants tree(proc.procfs(), 10);
    // That nobody can look at any more.
    tree.take_forks(std::to_array<Fork>({{.parent = 12, .child = 13}, {.parent = 13, .child = 14}}));
    EXPECT_TRUE(tree.contain(13));
    EXPECT_TRUE(tree.contain(14));
    tree.take_forks(std::to_array<Fork>({{.parent = 20, .child = 22}}));
    EXPECT_FALSE(tree.contain(22));
}

TEST_F(DescendantsOf, AProcessThatHaveEndedStayKnown) {
    Descendants tree(proc.procfs(), 10);
    proc.remove(12);
    tree.update();
    EXPECT_TRUE(tree.contain(12));
}

TEST_F(DescendantsOf, AProcessAreNotThoseThatGotTheNumberLater) {
    Descendants tree(proc.procfs(), 10);
    EXPECT_TRUE(tree.contain(ProcessId{.pid = 12, .start_time = 120}));
    EXPECT_FALSE(tree.contain(ProcessId{.pid = 12, .start_time = 999}));
    tree.take_forks(std::to_array<Fork>({{.parent = 20, .child = 12}}));
    EXPECT_FALSE(tree.contain(12));
}

// In a network namespace of its own, where the kernel tells nobody of forks.
TEST_F(DescendantsOf, AFrozenProcessAreFoundByTheListsOfChildrenAlone) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    for (const auto& [pid, children] : std::map<pid_t, const char*>{{10, "11 "}, {11, "12 "}, {12, "13 "}})
        proc.write(pid, fmt::format("task/{}/children", pid), children);
    std::thread([&] {
        ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
        Descendants tree(proc.procfs(), 10);
        ASSERT_TRUE(tree.may_lack_some());
        proc.add({.pid = 14, .parent = 12, .start_time = 140});
        proc.add({.pid = 13, .parent = 12, .start_time = 130});
        proc.write(13, "task/13/children", "");
        tree.update(TreeState::frozen);
        EXPECT_TRUE(tree.contain(ProcessId{.pid = 13, .start_time = 130}));
        EXPECT_FALSE(tree.contain(14));
        tree.update();
        EXPECT_TRUE(tree.contain(14));
    }).join();
}

} // namespace
} // namespace cedana
