// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <csignal>

#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::Forked;
using testing::Look;

std::vector<Refusal> all_refused(const Procfs& procfs, pid_t pid) {
    const Look look(procfs, pid);
    return refused_processes(procfs, look.tree, ::getpid());
}

TEST(RefusedProcesses, AreNoneOfAnOrdinaryTree) {
    const Forked child;
    EXPECT_TRUE(all_refused(Procfs(), child.pid()).empty());
}

TEST(RefusedProcesses, AreTracedOnesWithTheirTracer) {
    const Forked child([] { ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); });
    const auto refusals = all_refused(Procfs(), child.pid());
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_NE(refusals[0].sentence.find("is traced by process " + std::to_string(::getpid())), std::string::npos);
    EXPECT_FALSE(refusals[0].program_can_help);
}

TEST(RefusedProcesses, HaveABlockedSigtrapWaiting) {
    const Forked child([] {
        sigset_t trap;
        ::sigemptyset(&trap);
        ::sigaddset(&trap, SIGTRAP);
        ::sigprocmask(SIG_BLOCK, &trap, nullptr);
        ::kill(::getpid(), SIGTRAP);
    });
    const auto refusals = all_refused(Procfs(), child.pid());
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_NE(refusals[0].sentence.find("SIGTRAP"), std::string::npos);
    EXPECT_NE(refusals[0].hint.find("unblock SIGTRAP"), std::string::npos);
}

class FakeFamily : public ::testing::Test {
  protected:
    FakeFamily() {
        proc.add({.pid = ::getpid(), .comm = "cedana"});
        proc.add({.pid = parent.pid(), .comm = "starter", .start_time = start_of(parent)});
        proc.add({.pid = child.pid(), .parent = parent.pid(), .comm = "started", .start_time = start_of(child)});
    }
    static std::uint64_t start_of(const Forked& process) { return Procfs().stat(process.pid())->start_time; }

    void thread_of_parent(char state, const std::string& call) {
        const std::string folder = "task/" + std::to_string(parent.pid()) + "/";
        proc.write(parent.pid(), folder + "stat",
                   std::to_string(parent.pid()) + " (starter) " + state +
                       " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1000 4096000 100 0\n");
        proc.write(parent.pid(), folder + "syscall", call + " 0x0 0x0 0x0 0x0 0x0 0x0 0x7f 0x7f\n");
    }
    std::vector<Refusal> refusals() const { return all_refused(proc.procfs(), parent.pid()); }

    Forked parent;
    Forked child;
    FakeProc proc;
};

TEST_F(FakeFamily, IsRefusedWhileAVforkLasts) {
    thread_of_parent('D', std::to_string(SYS_clone));
    const auto found = refusals();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].pid, parent.pid());
    EXPECT_NE(found[0].sentence.find("waits inside of vfork for process " + std::to_string(child.pid())),
              std::string::npos);
    EXPECT_NE(found[0].hint.find(std::to_string(child.pid())), std::string::npos);
}

TEST_F(FakeFamily, IsRefusedWhileItsControlGroupHasFrozenIt) {
    proc.write(parent.pid(), "cgroup", "5:freezer:/a place\n0::/\n");
    proc.write(parent.pid(), "wchan", "__refrigerator");
    const auto found = refusals();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found[0].sentence.find("frozen by its control group /a place"), std::string::npos) << found[0].sentence;
    EXPECT_NE(found[0].hint.find("echo THAWED > '/sys/fs/cgroup/freezer/a place/freezer.state'"), std::string::npos)
        << found[0].hint;
    proc.write(parent.pid(), "wchan", "do_freezer_trap");
    EXPECT_TRUE(refusals().empty()) << "version 2 does not hold a tracer back";
}

TEST_F(FakeFamily, MayWaitForADisk) {
    thread_of_parent('D', std::to_string(SYS_read));
    EXPECT_TRUE(refusals().empty());
}

TEST_F(FakeFamily, MaySleepInClone) {
    thread_of_parent('S', std::to_string(SYS_clone));
    EXPECT_TRUE(refusals().empty());
}

} // namespace
} // namespace cedana
