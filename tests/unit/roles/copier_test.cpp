// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/roles/copier.hpp"
#include "cedana/roles/plans.hpp"

#include <chrono>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/roles/support.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::roles {
namespace {

using test::k_endings;
using test::numbers_to;
using test::read_bytes;

TEST(Copier, OutlivesTheSignalsThatEndTheTree) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    SpawnRequest role{.argv = {}, .session = Session::own};
    const CopierPlan plan{.copies = {{pass(role, in.read_end), pass(role, out.write_end)}}};
    ChildProcess copier = start_role("copier", plan, std::move(role));
    in.read_end.reset();
    out.write_end.reset();
    write_all(in.write_end.get(), "before", "a pipe");
    EXPECT_EQ(read_bytes(out.read_end, 6), "before");
    for (const int number : k_endings)
        copier.signal(number);
    write_all(in.write_end.get(), "after", "a pipe");
    in.write_end.reset();
    EXPECT_EQ(read_bytes(out.read_end, 16), "after");
    EXPECT_TRUE(copier.wait().success());
}

class AskedCopier : public test::InTempFolder {
  protected:
    void start(Copy copy) {
        std::vector<Copy> copies;
        copies.push_back(std::move(copy));
        ours = start_copier(std::move(copies));
    }
    void ask() const { write_all(ours.get(), "?", "a socket"); }

    // The only child of this process.
    static pid_t copier() { return children_of(::getpid()).at(0); }

    UniqueFd ours;
    Pipe in = make_pipe();
};

TEST_F(AskedCopier, AnswersWhenAllThatCameIsWritten) {
    constexpr int k_room = 1 << 20;
    ASSERT_GE(::fcntl(in.write_end.get(), F_SETPIPE_SZ, k_room), k_room);
    start({.from = std::move(in.read_end), .to = open_file(path("out"), O_WRONLY | O_CREAT, 0600)});
    const pid_t pid = copier();
    ::kill(pid, SIGSTOP);
    EXPECT_EQ(::waitpid(pid, nullptr, WUNTRACED), pid);
    const std::string text = numbers_to(60000);
    write_all(in.write_end.get(), text, "a pipe");
    ask();
    ::kill(pid, SIGCONT);
    EXPECT_EQ(read_bytes(ours, 1).size(), 1U);
    EXPECT_EQ(read_file(path("out")), text);
    in.write_end.reset();
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
}

// What goes into the tree has no end that could be awaited.
TEST_F(AskedCopier, DoesNotWaitForWhatNobodyReads) {
    Pipe tree = make_pipe();
    ::fcntl(tree.write_end.get(), F_SETFL, O_NONBLOCK);
    start({.from = std::move(in.read_end), .to = std::move(tree.write_end), .flow = Flow::into_tree});
    const pid_t pid = copier();
    // More than the pipe to the tree takes.
    write_all(in.write_end.get(), numbers_to(30000), "a pipe");
    const auto asked_at = std::chrono::steady_clock::now();
    ask();
    EXPECT_EQ(read_bytes(ours, 1).size(), 1U);
    EXPECT_LT(std::chrono::steady_clock::now() - asked_at, k_drain_limit);
    ::kill(pid, SIGKILL);
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
}

} // namespace
} // namespace cedana::roles
