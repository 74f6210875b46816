// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <atomic>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;
using testing::holds;
using testing::Look;

std::vector<Refusal> process_files_refused_of_child(const std::function<void()>& set_up) {
    const Forked child([&] {
        ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        set_up();
    });
    const Look look(Procfs(), child.pid());
    return refused_process_files(Procfs(), look.tree, look.holdings);
}

// A thread that stays; its id.
pid_t start_thread() {
    std::atomic<pid_t> id = 0;
    std::thread([&id] {
        id = static_cast<pid_t>(::syscall(SYS_gettid));
        id.notify_one();
        testing::stay();
    }).detach();
    id.wait(0);
    return id;
}

class ThreadFile : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Names, ThreadFile,
                         ::testing::Values("/proc/{0}/task/{1}/stat", "/proc/{0}/task/{1}", "/proc/{1}/stat"));

TEST_P(ThreadFile, IsRefused) {
    const auto refusals = process_files_refused_of_child([] {
        const pid_t thread = start_thread();
        ::open(fmt::format(fmt::runtime(GetParam()), ::getpid(), thread).c_str(), O_RDONLY);
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "of a thread open")) << refusals[0].sentence;
}

TEST(RefusedProcessFiles, AreNotThoseOfProcesses) {
    const auto refusals = process_files_refused_of_child([] {
        static_cast<void>(start_thread());
        const pid_t pid = ::getpid();
        for (const std::string& name :
             {fmt::format("{0}/stat", pid), fmt::format("{0}/task", pid), fmt::format("{0}/task/{0}/stat", pid),
              fmt::format("{0}/fd", pid), std::string("1/task/1/stat"), std::string("meminfo"), std::string("self")})
            ::open(("/proc/" + name).c_str(), O_RDONLY);
        const pid_t ended = testing::fork_that_stays();
        ::open(fmt::format("/proc/{0}/task/{0}/stat", ended).c_str(), O_RDONLY);
        ::kill(ended, SIGKILL);
        ::waitpid(ended, nullptr, 0);
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST(RefusedProcessFiles, ArePidfdsOfWhoIsNotInTheTree) {
    const pid_t outside = ::getpid();
    const auto refusals = process_files_refused_of_child([&] { ::syscall(SYS_pidfd_open, outside, 0); });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, fmt::format("a pidfd of process {}", outside))) << refusals[0].sentence;
}

TEST(RefusedProcessFiles, AreNotPidfdsOfTheTreeAndOfWhoWasReaped) {
    const auto refusals = process_files_refused_of_child([] {
        ::syscall(SYS_pidfd_open, ::getpid(), 0);
        const pid_t gone = ::fork();
        if (gone == 0)
            ::_exit(0);
        ::syscall(SYS_pidfd_open, gone, 0);
        ::waitpid(gone, nullptr, 0);
        ::syscall(SYS_pidfd_open, testing::fork_that_stays(), 0);
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST(RefusedProcessFiles, ArePidfdsOfThreads) {
    UniqueFd probe(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), O_EXCL)));
    if (!probe)
        GTEST_SKIP() << "this kernel has no pidfds of threads";
    probe.reset();
    const auto refusals = process_files_refused_of_child([] { ::syscall(SYS_pidfd_open, start_thread(), O_EXCL); });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "a pidfd of a thread")) << refusals[0].sentence;
}

} // namespace
} // namespace cedana
