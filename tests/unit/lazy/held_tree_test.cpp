// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/lazy/held_tree.hpp"

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

} // namespace
} // namespace cedana
