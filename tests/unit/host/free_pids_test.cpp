// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/host/free_pids.hpp"

#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include <unistd.h>

#include "unit/process/fake_proc.hpp"

namespace cedana {
namespace {

using testing::FakeProc;

class FreePids : public ::testing::Test {
  protected:
    FreePids() {
        add(100, 5000, {100, 101});
        add(102, 5001, {102});
    }
    void require(const Interrupt& interrupt = Interrupt::none(), std::chrono::seconds limit = {}) const {
        require_free_pids(proc.procfs(), manifest, leaders, limit, interrupt);
    }
    Error refusal() const {
        try {
            require();
        } catch (const Error& error) {
            return error;
        }
        return {Fault::internal, "not refused"};
    }

    FakeProc proc;
    std::vector<pid_t> leaders = {};

    void add(pid_t pid, std::uint64_t start_time, const std::vector<pid_t>& threads) {
        ManifestProcess process;
        process.pid = pid;
        process.start_time = start_time;
        process.threads = threads;
        process.executable = "/usr/bin/redis-server";
        process.command_line = {"redis-server", "--port", "7000"};
        manifest.tree.push_back(process);
    }

  private:
    Manifest manifest;
};

TEST_F(FreePids, AreTakenByNobodyWhenOthersRun) {
    proc.add({.pid = 1});
    proc.add({.pid = 99});
    proc.add({.pid = 103});
    EXPECT_NO_THROW(require());
}

TEST_F(FreePids, ThatThisCommandHasAreGivenBackByHigherNumbers) {
    add(::getpid(), 5002, {::getpid()});
    proc.add({.pid = ::getpid(), .comm = "cedana"});
    const Error error = refusal();
    EXPECT_EQ(error.message(), "pid " + std::to_string(::getpid()) + " is taken by this command itself");
    EXPECT_NE(error.hint().find(">/proc/sys/kernel/ns_last_pid"), std::string::npos);
}

TEST_F(FreePids, AreRefusedWhileTheOriginalRuns) {
    proc.add({.pid = 102, .comm = "redis", .start_time = 5001});
    const Error error = refusal();
    EXPECT_EQ(error.fault(), Fault::restore_failed);
    EXPECT_EQ(error.message(), "pid 102 is taken by redis, the process that was checkpointed: it still runs");
    EXPECT_EQ(error.hint(), "end it first (kill 102), or restore a copy beside it with --new-pidns");
}

TEST_F(FreePids, AreThoseOfEndedLeadersToo) {
    leaders = {77};
    proc.add({.pid = 77, .comm = "other", .start_time = 9000});
    EXPECT_EQ(refusal().message(),
              "pid 77, the number of a group or session of the tree, is taken by other, another process");
}

TEST_F(FreePids, AreTakenByAGroupThatOutlivedItsLeader) {
    leaders = {77};
    proc.add({.pid = 99, .comm = "other", .group = 77});
    EXPECT_EQ(refusal().message(), "pid 77, the number of a group or session of the tree, is taken as the group or "
                                   "session of process 99 (other), another process");
}

TEST_F(FreePids, AreRefusedWhileTheProcessRunsThatWasRestored) {
    proc.add({.pid = 102,
              .comm = "redis",
              .arguments = {"redis-server", "--port", "7000"},
              .executable = "/usr/bin/redis-server",
              .start_time = 9000});
    const Error error = refusal();
    EXPECT_EQ(error.message(),
              "pid 102 is taken by redis, the process that was checkpointed: it was restored and runs");
    EXPECT_EQ(error.hint(), "end it first (kill 102), or restore a copy beside it with --new-pidns");
}

TEST_F(FreePids, AreRefusedWhenTheSameProgramHasOneWithOtherArguments) {
    proc.add({.pid = 102,
              .comm = "redis",
              .arguments = {"redis-server", "--port", "8000"},
              .executable = "/usr/bin/redis-server",
              .start_time = 9000});
    EXPECT_EQ(refusal().message(), "pid 102 is taken by redis, another process");
}

TEST_F(FreePids, AreRefusedWhenAnotherProcessHasOne) {
    proc.add({.pid = 102, .comm = "vim", .start_time = 9000});
    const Error error = refusal();
    EXPECT_EQ(error.fault(), Fault::restore_failed);
    EXPECT_EQ(error.message(), "pid 102 is taken by vim, another process");
    EXPECT_NE(error.hint().find("pid 102"), std::string::npos);
}

TEST_F(FreePids, AreRefusedWhenAProcessHasTheNumberOfAThread) {
    proc.add({.pid = 101, .comm = "vim", .start_time = 9000});
    EXPECT_EQ(refusal().message(), "pid 101 is taken by vim, another process");
}

TEST_F(FreePids, NameTheProcessOfAThreadThatHasOne) {
    proc.add({.pid = 90, .comm = "java"});
    proc.add({.pid = 101, .comm = "GC Thread", .start_time = 9000, .status = "Tgid:\t90\nUid:\t0\t0\t0\t0\n"});
    EXPECT_EQ(refusal().message(), "pid 101 is taken by a thread of process 90 (java)");
    EXPECT_NE(refusal().hint().find("pid 90"), std::string::npos);
}

TEST_F(FreePids, AreRefusedWhenOneIsSomebodysSession) {
    proc.add({.pid = 500, .comm = "sleep", .session = 100});
    const Error error = refusal();
    EXPECT_EQ(error.fault(), Fault::restore_failed);
    EXPECT_EQ(error.message(), "pid 100 is taken as the group or session of process 500 (sleep), another process");
    EXPECT_NE(error.hint().find("pid 500"), std::string::npos);
}

TEST_F(FreePids, AreRefusedWhenOneIsSomebodysGroup) {
    proc.add({.pid = 500, .comm = "sleep", .group = 102});
    EXPECT_EQ(refusal().message(), "pid 102 is taken as the group or session of process 500 (sleep), another process");
}

TEST_F(FreePids, NameTheParentOfAZombie) {
    proc.add({.pid = 50, .comm = "bash"});
    proc.add({.pid = 102, .parent = 50, .comm = "redis", .state = 'Z', .start_time = 5001});
    const Error error = refusal();
    EXPECT_EQ(error.fault(), Fault::restore_failed);
    EXPECT_EQ(error.message(), "pid 102 is taken by redis, a zombie that its parent 50 (bash) has not reaped");
}

TEST_F(FreePids, ShowNoControlCharactersOfANameThatAProcessGaveItself) {
    proc.add({.pid = 102, .comm = "\x1b[2J"});
    EXPECT_EQ(refusal().message().find('\x1b'), std::string::npos);
}

TEST_F(FreePids, AreNotWaitedForWhenTheUserInterrupts) {
    proc.add({.pid = 102, .state = 'Z'});
    const Interrupt interrupt = Interrupt::install();
    std::raise(SIGINT);
    try {
        require(interrupt, std::chrono::seconds(60));
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::interrupted);
    }
}

} // namespace
} // namespace cedana
