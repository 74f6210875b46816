// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/ending.hpp"
#include "cedana/process/procfs.hpp"

#include <csignal>

#include <gtest/gtest.h>

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

} // namespace
} // namespace cedana
