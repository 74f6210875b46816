// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/error.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

constexpr auto k_limit = std::chrono::seconds(20);

Captured run_shell(const std::string& script) { return run_captured({.argv = {"/bin/sh", "-c", script}}, k_limit); }

TEST(ExitStatusTest, OfAShellCodeIsWhatItWasMadeFrom) {
    for (const ExitStatus& status : {ExitStatus::exited(0), ExitStatus::exited(1), ExitStatus::exited(128),
                                     ExitStatus::signalled(9), ExitStatus::signalled(64), ExitStatus::exited(255)}) {
        const ExitStatus told = ExitStatus::of_shell_code(status.shell_code());
        EXPECT_EQ(told.code(), status.code());
        EXPECT_EQ(told.signal(), status.signal());
    }
}

TEST(ChildProcess, DestructionEndsAndReapsARunningChild) {
    pid_t pid = -1;
    {
        const auto child = ChildProcess::spawn({.argv = {"sleep", "60"}});
        pid = child.pid();
    }
    EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ChildProcess, RunsInTheNamespacesThatItIsGiven) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root enters namespaces";
    const auto other = ChildProcess::spawn({.argv = {"unshare", "--uts", "sleep", "60"}});
    const std::string name = "/proc/" + std::to_string(other.pid()) + "/ns/uts";
    const auto own = std::filesystem::read_symlink("/proc/self/ns/uts");
    while (std::filesystem::read_symlink(name) == own)
        ::sched_yield();
    const UniqueFd space(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    const Captured inside = run_captured(
        {.argv = {"sh", "-c", "readlink /proc/self/ns/uts; ls /proc/self/fd"}, .fds = {{space.get(), 9}}, .enter = {9}},
        k_limit);
    EXPECT_TRUE(inside.out.starts_with(std::filesystem::read_symlink(name).string())) << inside.out;
    EXPECT_EQ(inside.out.find("9\n"), std::string::npos) << inside.out;
}

TEST(ChildProcess, SaysWhichProgramCannotBeExecuted) {
    try {
        const auto child = ChildProcess::spawn({.argv = {"/nonexistent/program"}});
        FAIL() << "spawned";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
        EXPECT_NE(error.message().find("/nonexistent/program"), std::string::npos);
    }
}

// What `work` ends with in a child that may have `soft` descriptors open, since the limit lasts.
int in_a_child_with(rlim_t soft, const std::function<int()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = soft;
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
            ::_exit(100);
        try {
            ::_exit(work());
        } catch (const std::exception&) {
            ::_exit(101);
        }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ChildProcess, StartsAProgramWhereFewDescriptorsAreAllowed) {
    EXPECT_EQ(in_a_child_with(64, [] { return run_shell("exit 7").status.code().value_or(102); }), 7);
}

constexpr rlim_t k_at_start = 200;

std::string limit_in_a_shell(DescriptorLimit which) {
    return run_captured({.argv = {"/bin/sh", "-c", "ulimit -Sn"}, .descriptor_limit = which}, k_limit).out;
}

TEST(ChildProcess, HasTheRaisedLimitOfDescriptors) {
    EXPECT_EQ(in_a_child_with(k_at_start,
                              [] {
                                  raise_descriptor_limit();
                                  const bool is_raised = descriptor_limit() > k_at_start;
                                  const std::string raised = std::to_string(descriptor_limit()) + "\n";
                                  return is_raised && limit_in_a_shell(DescriptorLimit::raised) == raised ? 0 : 1;
                              }),
              0);
}

TEST(ChildProcess, HasTheLimitOfTheStartIfItIsToHaveThat) {
    EXPECT_EQ(in_a_child_with(k_at_start,
                              [] {
                                  raise_descriptor_limit();
                                  return limit_in_a_shell(DescriptorLimit::as_started) == "200\n" ? 0 : 1;
                              }),
              0);
}

// Limits the size of files for good.
int in_a_child_with_small_files(const std::function<int()>& work) {
    return in_a_child_with(k_at_start, [&] {
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = 512;
        return ::setrlimit(RLIMIT_FSIZE, &limit) == 0 ? work() : 100;
    });
}

std::string file_limit_in_a_shell(DescriptorLimit which) {
    return run_captured({.argv = {"/bin/sh", "-c", "ulimit -Sf"}, .descriptor_limit = which}, k_limit).out;
}

TEST(ChildProcess, HasNoLimitOfFilesIfItBelongsToCedana) {
    EXPECT_EQ(in_a_child_with_small_files(
                  [] { return file_limit_in_a_shell(DescriptorLimit::raised) == "unlimited\n" ? 0 : 1; }),
              0);
    EXPECT_EQ(
        in_a_child_with_small_files([] { return file_limit_in_a_shell(DescriptorLimit::as_started) == "1\n" ? 0 : 1; }),
        0);
}

TEST(ChildProcess, IsNotEndedByAFileThatMayNotGrow) {
    const std::string script = "ulimit -f 0; printf x >$0; exit 7";
    const TempDir folder(std::filesystem::temp_directory_path(), "cedana-test");
    const auto end_of = [&](DescriptorLimit which) {
        return run_captured(
                   {.argv = {"/bin/sh", "-c", script, (folder.path() / "file").string()}, .descriptor_limit = which},
                   k_limit)
            .status;
    };
    EXPECT_EQ(end_of(DescriptorLimit::raised).code(), 7);
    EXPECT_EQ(end_of(DescriptorLimit::as_started).signal(), SIGXFSZ);
}

TEST(ChildProcess, ReportsTheExitCode) { EXPECT_EQ(run_shell("exit 7").status.code(), 7); }

TEST(ChildProcess, ReportsTheSignal) { EXPECT_EQ(run_shell("kill -TERM $$").status.signal(), SIGTERM); }

TEST(ChildProcess, KeepsTheOutputsApart) {
    const Captured captured = run_shell("echo out; echo err >&2");
    EXPECT_EQ(captured.out, "out\n");
    EXPECT_EQ(captured.err, "err\n");
}

TEST(ChildProcess, KeepsTheTailOfALongOutput) {
    const Captured captured = run_captured({.argv = {"/bin/sh", "-c", "seq 10000; echo end"}}, k_limit, /*tail=*/10);
    EXPECT_EQ(captured.out, "10000\nend\n");
}

TEST(ChildProcess, HandsOnOnlyTheListedDescriptors) {
    const UniqueFd leaked(::open("/dev/null", O_RDONLY));
    const UniqueFd listed(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    const Captured captured =
        run_captured({.argv = {"/bin/sh", "-c",
                               "for fd in /proc/self/fd/*; do readlink $fd; done | grep -c /dev/zero; ls /proc/$$/fd"},
                      .fds = {{listed.get(), 5}}},
                     k_limit);
    EXPECT_EQ(captured.out, "1\n0\n1\n2\n5\n");
}

TEST(ChildProcess, RunsWithoutBlockedSignals) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const Captured captured = run_shell("grep SigBlk /proc/self/status");
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    EXPECT_EQ(captured.out, "SigBlk:\t0000000000000000\n");
}

TEST(ChildProcess, CanHaveASessionOfItsOwn) {
    const Captured captured =
        run_captured({.argv = {"/bin/sh", "-c", "test $(ps -o sid= -p $$) -eq $$"}, .session = Session::own}, k_limit);
    EXPECT_TRUE(captured.status.success());
}

TEST(ChildProcess, IsKilledWhenItExceedsItsLimit) {
    EXPECT_THROW(static_cast<void>(run_captured({.argv = {"sleep", "60"}}, std::chrono::milliseconds(50))), Error);
}

TEST(ChildProcess, WaitForGivesUpOnARunningChild) {
    auto child = ChildProcess::spawn({.argv = {"sleep", "60"}});
    EXPECT_EQ(child.wait_for(std::chrono::milliseconds(10)), std::nullopt);
}

TEST(RunAsUser, RethrowsTheErrorOfTheChild) {
    try {
        run_as_user(::getuid(), ::getgid(), [] { throw Error(Fault::usage, "no such thing").hint("look again"); });
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::usage);
        EXPECT_EQ(error.message(), "no such thing");
        EXPECT_EQ(error.hint(), "look again");
    }
}

TEST(RunAsUser, HasTheRightsOfThatUser) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    EXPECT_THROW(run_as_user(65534, 65534, [] { static_cast<void>(open_file("/etc/shadow", O_RDONLY)); }), Error);
}

TEST(CallAsUser, ReturnsTheTextOfTheChild) {
    EXPECT_EQ(call_as_user(::getuid(), ::getgid(), [] { return std::string(100000, 'x'); }), std::string(100000, 'x'));
}

TEST(IsDoneWithin, WaitsForWhatIsDone) {
    EXPECT_TRUE(is_done_within(k_limit, [] {}));
}

TEST(IsDoneWithin, LeavesWhatIsNotDone) {
    EXPECT_FALSE(is_done_within(std::chrono::milliseconds(20), [] { ::pause(); }));
}

TEST(IsDoneWithin, HasNoDescriptorOfThisProcess) {
    const Pipe pipe = make_pipe();
    const int fd = pipe.read_end.get();
    EXPECT_FALSE(is_done_within(std::chrono::milliseconds(200), [fd] {
        while (::fcntl(fd, F_GETFD) < 0)
            ::pause();
    }));
}

TEST(Pidfd, IsAbsentForAPidThatNobodyHas) { EXPECT_FALSE(open_pidfd(0x7ffffff0).has_value()); }

// From now on pidfd_open(2) of this process fails as if there were no descriptor left (seccomp(2)).
void forbid_pidfds() {
    const auto jump_unless = [](std::uint32_t value) {
        return sock_filter{.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 1, .k = value};
    };
    std::array<sock_filter, 4> filter = {
        sock_filter{.code = BPF_LD | BPF_W | BPF_ABS, .jt = 0, .jf = 0, .k = offsetof(seccomp_data, nr)},
        jump_unless(SYS_pidfd_open),
        sock_filter{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = SECCOMP_RET_ERRNO | EMFILE},
        sock_filter{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = SECCOMP_RET_ALLOW}};
    const sock_fprog program{.len = filter.size(), .filter = filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        throw Error(Fault::environment, "no filter for system calls");
}

TEST(ChildProcess, LeavesNoChildBehindWhenItCannotHoldOne) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root, to fork as a user";
    const std::string told = call_as_user(0, 0, [] {
        forbid_pidfds();
        try {
            static_cast<void>(ChildProcess::spawn({.argv = {"sleep", "60"}}));
        } catch (const Error& error) {
            return error.message() + (children_of(::getpid()).empty() ? "" : ", and a child is left");
        }
        return std::string("nothing is thrown");
    });
    EXPECT_TRUE(told.starts_with("cannot open process ")) << told;
    EXPECT_EQ(told.find("a child is left"), std::string::npos) << told;
}

} // namespace
} // namespace cedana
