// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/procfs.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include "unit/process/fake_proc.hpp"

namespace cedana {
namespace {

using testing::FakeProc;

constexpr std::string_view k_tail = " S 7 8 9 34816 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 113755 3133440 374 0\n";

TEST(ParseStat, ReadsTheFieldsThatAreUsed) {
    const auto stat = parse_stat("4242 (sleep)" + std::string(k_tail));
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->pid, 4242);
    EXPECT_EQ(stat->comm, "sleep");
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 7);
    EXPECT_EQ(stat->process_group, 8);
    EXPECT_EQ(stat->session, 9);
    EXPECT_EQ(stat->terminal, 34816U);
    EXPECT_EQ(stat->flags, 4194304U);
    EXPECT_EQ(stat->threads, 3);
    EXPECT_EQ(stat->start_time, 113755U);
    EXPECT_EQ(stat->resident_bytes, 374U * static_cast<unsigned>(::sysconf(_SC_PAGESIZE)));
}

TEST(ParseStat, TakesAnyCommandName) {
    for (const std::string comm : {"a b", "(sd-pam)", "a) R 1 (b", ")", "", "new\nline", " ) S 1 2 3"}) {
        const auto stat = parse_stat("1 (" + comm + ")" + std::string(k_tail));
        ASSERT_TRUE(stat) << comm;
        EXPECT_EQ(stat->comm, comm);
        EXPECT_EQ(stat->parent, 7) << comm;
    }
}

TEST(ParseStat, TakesNothingThatIsNoStat) {
    for (const std::string_view text : {"", "1", "1 (a", "x (a) S 7", "1 (a) S", ") (", "1 (a) SS 7 8 9 0 -1 0"})
        EXPECT_FALSE(parse_stat(text)) << text;
}

TEST(ParseStatus, ReadsIdsSignalsAndRights) {
    const auto status = parse_status("Name:\ta\nTracerPid:\t17\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nNSpid:\t42\t1\n"
                                     "SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n"
                                     "SigCgt:\t0000000000000200\nCapEff:\t000001fffeffffff\nSeccomp:\t2\n");
    ASSERT_TRUE(status);
    EXPECT_EQ(status->uid, (Credentials{.real = 1, .effective = 2, .saved = 3, .file_system = 4}));
    EXPECT_EQ(status->gid, (Credentials{.real = 5, .effective = 6, .saved = 7, .file_system = 8}));
    EXPECT_EQ(status->tracer, 17);
    EXPECT_EQ(status->namespace_pids, (std::vector<pid_t>{42, 1}));
    EXPECT_EQ(status->blocked_signals, 1U);
    EXPECT_TRUE(status->catches(SIGUSR1));
    EXPECT_FALSE(status->catches(SIGUSR2));
    EXPECT_TRUE(status->ignores(SIGPIPE));
    EXPECT_TRUE(status->has_capability(0));
    EXPECT_FALSE(status->has_capability(24));
    EXPECT_EQ(status->seccomp_mode, 2);
}

TEST(ParseStatus, ReadsMemoryByKindInBytes) {
    const auto status = parse_status("Uid:\t0\t0\t0\t0\nRssAnon:\t    1000 kB\nRssFile:\t  200 kB\n"
                                     "RssShmem:\t      30 kB\nVmSwap:\t       4 kB\n");
    ASSERT_TRUE(status);
    EXPECT_EQ(
        status->memory,
        (ProcessMemory{.anonymous = 1000 * 1024, .file_backed = 200 * 1024, .shared = 30 * 1024, .swapped = 4 * 1024}));
}

TEST(ParseStatus, TakesNothingThatIsNoStatus) { EXPECT_FALSE(parse_status("Name:\ta\n")); }

TEST(Procfs, ListsProcessesAlone) {
    FakeProc proc;
    proc.add({.pid = 12});
    proc.add({.pid = 3});
    proc.write(3, "../self/x", "");
    EXPECT_EQ(proc.procfs().pids(), (std::vector<pid_t>{3, 12}));
}

TEST(Procfs, SaysNothingOfAProcessThatIsGone) {
    FakeProc proc;
    proc.add({.pid = 12});
    proc.remove(12);
    EXPECT_FALSE(proc.procfs().stat(12));
    EXPECT_FALSE(proc.procfs().status(12));
    EXPECT_FALSE(proc.procfs().executable(12));
    EXPECT_TRUE(proc.procfs().command_line(12).empty());
    EXPECT_TRUE(proc.procfs().threads(12).empty());
    EXPECT_TRUE(proc.procfs().ancestors(12).empty());
}

TEST(Procfs, KeepsEmptyArgumentsButNotTheRestOfARewrittenTitle) {
    FakeProc proc;
    proc.add({.pid = 1, .arguments = {"a", "", "b c", "", ""}});
    EXPECT_EQ(proc.procfs().command_line(1), (std::vector<std::string>{"a", "", "b c"}));
}

TEST(Procfs, TellsTheProgramEvenAfterItsFileWasRemoved) {
    FakeProc proc;
    proc.add({.pid = 1, .executable = "/usr/bin/nginx (deleted)"});
    EXPECT_EQ(proc.procfs().executable(1), "/usr/bin/nginx");
}

TEST(Procfs, NamesAncestorsNearestFirst) {
    FakeProc proc;
    proc.add({.pid = 1, .parent = 0});
    proc.add({.pid = 5, .parent = 1});
    proc.add({.pid = 3, .parent = 5});
    EXPECT_EQ(proc.procfs().ancestors(3), (std::vector<pid_t>{5, 1}));
}

TEST(Procfs, EndsACircleOfParents) {
    FakeProc proc;
    proc.add({.pid = 5, .parent = 6});
    proc.add({.pid = 6, .parent = 5});
    EXPECT_EQ(proc.procfs().ancestors(5), (std::vector<pid_t>{6, 5}));
}

TEST(Procfs, ReadsTheRealOne) {
    const Procfs procfs;
    const auto stat = procfs.stat(::getpid());
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->parent, ::getppid());
    EXPECT_EQ(procfs.executable(::getpid()), std::filesystem::read_symlink("/proc/self/exe"));
    EXPECT_TRUE(procfs.status(::getpid()));
}

TEST(Procfs, KnowsThatAThreadASessionAndAGroupHaveANumber) {
    const Procfs procfs;
    const auto may_use = [&](pid_t number) { return procfs.may_use(std::array{number}); };
    std::thread([&] { EXPECT_TRUE(may_use(::gettid())); }).join();
    // Its child holds the number when it has ended and was reaped.
    Pipe last = make_pipe();
    const pid_t leader = ::fork();
    if (leader == 0) {
        ::setsid();
        if (::fork() == 0) {
            last.write_end.reset();
            char byte = 0;
            [[maybe_unused]] const ssize_t count = ::read(last.read_end.get(), &byte, 1);
        }
        ::_exit(0);
    }
    ASSERT_EQ(::waitpid(leader, nullptr, 0), leader);
    EXPECT_FALSE(procfs.stat(leader));
    EXPECT_TRUE(may_use(leader));
}

TEST(Procfs, KnowsThatNobodyHasANumber) {
    // Above the highest that there can be (linux/threads.h, PID_MAX_LIMIT).
    constexpr pid_t k_no_pid = 4194304 + 1;
    EXPECT_FALSE(Procfs().may_use(std::array{k_no_pid}));
    EXPECT_TRUE(FakeProc().procfs().may_use(std::array{k_no_pid}));
}

TEST(Procfs, ListsThreads) {
    const Procfs procfs;
    pid_t tid = 0;
    std::vector<pid_t> seen;
    std::thread([&] {
        tid = ::gettid();
        seen = procfs.threads(::getpid());
    }).join();
    EXPECT_EQ(std::set<pid_t>(seen.begin(), seen.end()), (std::set<pid_t>{::getpid(), tid}));
}

} // namespace
} // namespace cedana
