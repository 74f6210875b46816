// SPDX-License-Identifier: Apache-2.0
// Targets that CRIU cannot dump: refused with a remedy before CRIU is started on them, and they live on.
#include "cedana/base/files.hpp"

#include <optional>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/wait.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Undumpable : public WithFakeCriu {
  protected:
    void TearDown() override {
        EXPECT_TRUE(IsSkipped() || !target || target->runs());
        EXPECT_TRUE(IsSkipped() || criu_runs("dump").empty());
    }

    // False where the kernel has no such thing.
    bool start(const std::string& kind) {
        target.emplace(std::vector<std::string>{UNDUMPABLE, kind, scratch("ready")});
        wait_for_file(scratch("ready"));
        return read_file(scratch("ready")) == "ready";
    }

    std::optional<Target> target;
};

struct Kind {
    const char* name;
    const char* sentence;
    const char* hint;
};

class UndumpableKind : public Undumpable, public ::testing::WithParamInterface<Kind> {};

INSTANTIATE_TEST_SUITE_P(
    All, UndumpableKind,
    ::testing::Values(Kind{"corked_socket", "has a corked UDP socket open", "UDP_CORK"},
                      Kind{"deadline", "is scheduled by SCHED_DEADLINE", "chrt --other"},
                      Kind{"message_queue", "a POSIX message queue open", "close it before the dump"},
                      Kind{"multipath_socket", "has a multipath TCP socket open", "GODEBUG=multipathtcp=0"},
                      Kind{"nested_ipc", "lives in another ipc namespace than the root", "end what runs in that"},
                      Kind{"netlink_group", "by a socket without an address", "bind the socket"},
                      Kind{"packet_pipe", "a pipe in packet mode", "close it before the dump"},
                      Kind{"pending_trap", "SIGTRAP", "unblock SIGTRAP"},
                      Kind{"pidfd_of_another", "a pidfd of process", "close it before the dump"},
                      Kind{"sealed_mapping", "has sealed 1 of its mappings", "--without-sandbox"},
                      Kind{"sealed_memory", "sealed against writing", "MAP_PRIVATE"},
                      Kind{"shared_memory", "System V shared memory of the host", "unshare --ipc"},
                      Kind{"time_namespace", "time namespace for its children", "unshare --time"},
                      Kind{"tunnel", "has a tunnel open (/dev/net/tun)", "ip netns exec"},
                      Kind{"unaccepted_connection", "has not accepted a connection", "accept its connections"},
                      Kind{"user_namespace", "a user namespace of its own", "without a user namespace"},
                      Kind{"userfaultfd", "[userfaultfd]", "close it before the dump"},
                      Kind{"vfork", "waits inside of vfork for process", "has started its program"},
                      Kind{"watch_in_proc", "watches a file below /proc", "close it before the dump"}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST_P(UndumpableKind, IsRefusedWithItsRemedyAndLivesOn) {
    if (!start(GetParam().name))
        GTEST_SKIP() << "this kernel does not let a program have that";
    const CedanaRun run = dump(*target, {"--stop"});
    EXPECT_EQ(run.exit_code, 6) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, GetParam().sentence)) << run.err;
    EXPECT_TRUE(holds(field_of(run.err, "hint"), GetParam().hint)) << run.err;
}

TEST_F(Undumpable, IsATargetUnderADebugger) {
    target.emplace(std::vector<std::string>{"/bin/sleep", "infinity"});
    ASSERT_EQ(::ptrace(PTRACE_SEIZE, target->pid(), nullptr, nullptr), 0);
    const CedanaRun run = dump(*target);
    ASSERT_EQ(::ptrace(PTRACE_INTERRUPT, target->pid(), nullptr, nullptr), 0);
    ::waitpid(target->pid(), nullptr, 0);
    ASSERT_EQ(::ptrace(PTRACE_DETACH, target->pid(), nullptr, nullptr), 0);
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_TRUE(holds(run.err, "is traced by process " + std::to_string(::getpid())));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "end the debugger or strace first"));
}

TEST_F(Undumpable, IsAKernelThread) {
    constexpr const char* k_kthreadd = "2";
    const fs::path name = fs::path("/proc") / k_kthreadd / "comm";
    if (!fs::exists(name) || read_file(name) != "kthreadd\n")
        GTEST_SKIP() << "no kernel threads are seen here";
    const CedanaRun run = cedana({"client", "dump", "-p", k_kthreadd, "-d", store()});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "is a kernel thread, which cannot be checkpointed"));
}

TEST_F(Undumpable, IsTheFirstProcessOfTheSystem) {
    const CedanaRun run = cedana({"client", "dump", "-p", "1", "-d", store()});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "is the first process of this system"));
    EXPECT_FALSE(field_of(run.err, "hint").empty());
}

class PreparedTarget : public Undumpable {
  protected:
    void TearDown() override {}
};

TEST_F(PreparedTarget, IsDumpedOnceItHasClosedWhatCouldNotBe) {
    if (!start("multipath_socket"))
        GTEST_SKIP() << "this kernel has no multipath TCP";
    options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_PRE_DUMP"] = "true";
    options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_TIMEOUT"] = "1";
    const CedanaRun run = dump(*target);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(criu_runs("dump").size(), 1U);
}

} // namespace
} // namespace cedana::testing
