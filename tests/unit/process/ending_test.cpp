// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/process/ending.hpp"
#include "cedana/process/procfs.hpp"

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "unit/process/forked.hpp"

namespace cedana {
namespace {

using testing::Forked;

void await_end(const ProcessHandle& process) {
    pollfd entry{.fd = process.pidfd().get(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, -1);
}

TEST(HowItEnded, IsUnknownWhileItRuns) {
    const Forked child;
    const Procfs procfs;
    EXPECT_FALSE(how_it_ended(procfs, ProcessHandle::open(procfs, child.pid())));
}

TEST(HowItEnded, NamesTheSignalOfAZombie) {
    const Forked child;
    const Procfs procfs;
    const ProcessHandle handle = ProcessHandle::open(procfs, child.pid());
    ::kill(child.pid(), SIGTRAP);
    await_end(handle);
    const auto status = how_it_ended(procfs, handle);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->signal(), SIGTRAP);
}

TEST(HowItEnded, IsTheStatusOfOneThatEndedByItself) {
    Pipe go = make_pipe();
    const Forked child([] {},
                       [&] {
                           go.write_end.reset();
                           char ignored = 0;
                           while (::read(go.read_end.get(), &ignored, 1) > 0) {}
                           ::_exit(7);
                       });
    const Procfs procfs;
    const ProcessHandle handle = ProcessHandle::open(procfs, child.pid());
    go.write_end.reset();
    await_end(handle);
    const auto status = how_it_ended(procfs, handle);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->code(), 7);
}

// Between the looks at its descriptor and at its stat.
TEST(HowItEnded, IsKnownOfOneThatIsCollectedInTheMiddleOfTheLook) {
    Forked child;
    const ProcessHandle handle = ProcessHandle::open(Procfs(), child.pid());
    Forked told;
    const ProcessHandle collected = ProcessHandle::open(Procfs(), told.pid());
    told.kill_and_reap();
    if (!how_it_ended(Procfs(), collected))
        GTEST_SKIP() << "needs Linux 6.15, which tells how a process ended that was collected";
    child.kill_only();
    const TempDir folder(std::filesystem::temp_directory_path(), "ending-test");
    const auto process = folder.path() / std::to_string(child.pid());
    std::filesystem::create_directory(process);
    ASSERT_EQ(::mkfifo((process / "stat").c_str(), 0600), 0);
    const std::jthread parent([&] {
        // Opens once the other end is being read.
        const UniqueFd stat = open_file(process / "stat", O_WRONLY);
        child.kill_and_reap();
    });
    const auto status = how_it_ended(Procfs(folder.path()), handle);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->signal(), SIGKILL);
}

} // namespace
} // namespace cedana
