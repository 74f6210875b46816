// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/tree_fate.hpp"

#include <csignal>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "unit/process/forked.hpp"

namespace cedana {
namespace {

using testing::Forked;
using Pids = std::vector<pid_t>;

// A root and a descendant, for this purpose two children of this process.
class TreeFate : public ::testing::Test {
  protected:
    TreeFate() {
        for (Forked* const process : {&root, &child}) {
            const Procfs procfs;
            ProcessHandle handle = ProcessHandle::open(procfs, process->pid());
            tree.processes.push_back({.handle = std::move(handle),
                                      .stat = *procfs.stat(process->pid()),
                                      .status = {},
                                      .executable = {},
                                      .command_line = {},
                                      .threads = {}});
        }
    }

    [[nodiscard]] Pids lost(CriuEnd criu, std::optional<ExitStatus> ending) const {
        Pids pids;
        for (const LostProcess& process : lost_processes(tree, criu, [&](const ProcessHandle&) { return ending; }))
            pids.push_back(process.pid);
        return pids;
    }

    Forked root;
    Forked child;
    ProcessTree tree;
};

TEST_F(TreeFate, IsNoLossWhileAllRun) { EXPECT_EQ(lost(CriuEnd::by_itself, std::nullopt), Pids()); }

TEST_F(TreeFate, IsALossWhenASignalHasEndedADescendant) {
    child.kill_only();
    EXPECT_EQ(lost(CriuEnd::by_itself, ExitStatus::signalled(SIGTRAP)), Pids{child.pid()});
}

TEST_F(TreeFate, IsNoLossWhenADescendantHasEndedByItself) {
    child.kill_only();
    EXPECT_EQ(lost(CriuEnd::by_itself, ExitStatus::exited(1)), Pids());
}

// `while :; do sleep 1; done`, on a kernel that forgets how a process ended once its parent knows.
TEST_F(TreeFate, IsNoLossWhenNobodyCanTellHowADescendantHasEnded) {
    child.kill_only();
    EXPECT_EQ(lost(CriuEnd::by_itself, std::nullopt), Pids());
}

TEST_F(TreeFate, IsALossWhenADescendantHasEndedInAnUnknownWayAndCriuWasKilled) {
    root.kill_only();
    child.kill_only();
    EXPECT_EQ(lost(CriuEnd::killed, std::nullopt), (Pids{root.pid(), child.pid()}));
}

TEST_F(TreeFate, IsALossWhenTheRootHasEndedInAnyWay) {
    root.kill_only();
    EXPECT_EQ(lost(CriuEnd::by_itself, std::nullopt), Pids{root.pid()});
    EXPECT_EQ(lost(CriuEnd::by_itself, ExitStatus::exited(0)), Pids{root.pid()});
}

TEST_F(TreeFate, IsToldByTheKernel) {
    child.kill_only();
    const std::vector<LostProcess> lost = lost_processes(tree, CriuEnd::by_itself);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_EQ(lost.front().how, "was killed by signal 9 (Killed)");
}

} // namespace
} // namespace cedana
