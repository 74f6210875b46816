// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/process/identity.hpp"
#include "cedana/process/procfs.hpp"

#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

#include "unit/process/forked.hpp"

namespace cedana {
namespace {

using testing::Forked;

template <typename Id>
Error error_of_opening(const Procfs& procfs, Id id) {
    try {
        static_cast<void>(ProcessHandle::open(procfs, id));
    } catch (const Error& error) {
        return error;
    }
    return {Fault::internal, "not refused"};
}

TEST(ProcessHandle, ReachesARunningProcess) {
    const Procfs procfs;
    const Forked child;
    const auto handle = ProcessHandle::open(procfs, child.pid());
    EXPECT_EQ(handle.pid(), child.pid());
    EXPECT_EQ(handle.id().start_time, procfs.stat(child.pid())->start_time);
    EXPECT_TRUE(handle.alive());
    EXPECT_TRUE(handle.present());
    EXPECT_TRUE(handle.send(0));
}

TEST(ProcessHandle, OfAZombieIsPresentButNotAlive) {
    const Procfs procfs;
    const Forked child;
    const auto handle = ProcessHandle::open(procfs, child.pid());
    child.kill_only();
    EXPECT_FALSE(handle.alive());
    EXPECT_TRUE(handle.present());
}

TEST(ProcessHandle, OfACollectedProcessIsNotPresent) {
    const Procfs procfs;
    Forked child;
    const auto handle = ProcessHandle::open(procfs, child.pid());
    child.kill_and_reap();
    EXPECT_FALSE(handle.alive());
    EXPECT_FALSE(handle.present());
    EXPECT_FALSE(handle.send(SIGTERM));
}

TEST(ProcessHandle, NamesAPidThatNobodyHas) {
    const Procfs procfs;
    Forked child;
    const pid_t pid = child.pid();
    child.kill_and_reap();
    const Error error = error_of_opening(procfs, pid);
    EXPECT_EQ(error.fault(), Fault::no_process);
    EXPECT_EQ(error.message(), "no process has pid " + std::to_string(pid));
    EXPECT_FALSE(error.hint().empty());
}

TEST(ProcessHandle, RefusesImpossiblePids) {
    const Procfs procfs;
    for (const pid_t pid : {0, -1, -4242})
        EXPECT_EQ(error_of_opening(procfs, pid).fault(), Fault::no_process) << pid;
}

TEST(ProcessHandle, NamesTheProcessThatAThreadIdBelongsTo) {
    const Procfs procfs;
    Error error(Fault::internal, "");
    std::thread([&] { error = error_of_opening(procfs, ::gettid()); }).join();
    EXPECT_EQ(error.fault(), Fault::no_process);
    EXPECT_NE(error.hint().find(fmt::format("-p {}", ::getpid())), std::string::npos);
}

TEST(ProcessHandle, RefusesAnotherProcessWithTheSamePid) {
    const Procfs procfs;
    const Forked child;
    const std::uint64_t other = procfs.stat(child.pid())->start_time + 1;
    EXPECT_EQ(error_of_opening(procfs, ProcessId{.pid = child.pid(), .start_time = other}).fault(), Fault::no_process);
}

} // namespace
} // namespace cedana
