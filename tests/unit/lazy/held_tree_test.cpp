// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/lazy/held_tree.hpp"

#include <chrono>
#include <csignal>
#include <utility>

#include <gtest/gtest.h>

#include <poll.h>

namespace cedana {
namespace {

// Whether nobody has the write end of the pipe any more.
bool is_hung_up(const Pipe& pipe) {
    pollfd entry{.fd = pipe.read_end.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLHUP) != 0;
}

TEST(HeldTree, HoldsAUserfaultfdUntilItsMemoryIsComplete) {
    Pipe pipe = make_pipe();
    HeldTree tree;
    tree.hold({.number = 7, .pid = 0, .fault = std::move(pipe.write_end)});
    tree.release(8);
    EXPECT_FALSE(is_hung_up(pipe));
    tree.release(7);
    EXPECT_TRUE(is_hung_up(pipe));
}

TEST(HeldTree, EndsTheTasksThoughTheirMemoryIsComplete) {
    ChildProcess child = ChildProcess::spawn({.argv = {"sleep", "60"}});
    HeldTree tree;
    tree.hold({.number = 7, .pid = child.pid(), .fault = {}});
    tree.release(7);
    tree.end();
    EXPECT_EQ(child.wait().signal(), SIGKILL);
}

TEST(HeldTree, OfAContainerEndsItsRootAndNobodyWhoHasItsNumbersHere) {
    ChildProcess root = ChildProcess::spawn({.argv = {"sleep", "60"}});
    ChildProcess stranger = ChildProcess::spawn({.argv = {"sleep", "60"}});
    HeldTree tree(TaskNumbers::of_the_tree);
    tree.hold({.number = 7, .pid = stranger.pid(), .fault = {}});
    tree.hold_root(
        {.pid = root.pid(), .numbers = TaskNumbers::of_the_tree, .handle = std::move(*open_pidfd(root.pid()))});
    tree.hold({.number = 8, .pid = stranger.pid(), .fault = {}});
    tree.end();
    EXPECT_EQ(root.wait().signal(), SIGKILL);
    EXPECT_FALSE(ends_within(stranger.pidfd(), std::chrono::milliseconds(0)));
}

} // namespace
} // namespace cedana
