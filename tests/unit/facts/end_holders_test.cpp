// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/end_holders.hpp"
#include "cedana/facts/external_ends.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::Forked;

constexpr pid_t k_outside = 20;
constexpr std::uint64_t k_pipe = 77;

// A tree of one process, as a fake /proc shows it: what it has open cannot be asked for, which counts as held.
class EndHolders : public ::testing::Test {
  protected:
    EndHolders() {
        proc.add({.pid = child.pid()});
        proc.add({.pid = k_outside});
    }
    void open(pid_t pid, int fd, const std::string& target, const std::string& fdinfo) {
        proc.link(pid, "fd/" + std::to_string(fd), target);
        proc.write(pid, "fdinfo/" + std::to_string(fd), "pos:\t0\n" + fdinfo);
    }
    // The tree writes to the pipe.
    void write_to_pipe() { open(child.pid(), 6, "pipe:[77]", "flags:\t01\n"); }
    void have_descriptors_in_flight() {
        open(child.pid(), 7, "socket:[78]", "flags:\t02\nscm_fds: 1\n");
        open(child.pid(), 8, "socket:[79]", "flags:\t02\nscm_fds: 0\n");
    }
    [[nodiscard]] std::vector<ExternalPipe> external_pipes() const {
        const testing::Look look(proc.procfs(), child.pid());
        return cedana::external_pipes(proc.procfs(), look.holdings);
    }
    [[nodiscard]] std::vector<ExternalPipe> external_pipes_when_frozen(const std::vector<ExternalPipe>& before) const {
        const testing::Look look(proc.procfs(), child.pid());
        return external_pipes_of_frozen(look.holdings, before);
    }
    [[nodiscard]] PipeEnds held(const PipeEnds& wanted) const {
        const testing::Look look(proc.procfs(), child.pid());
        return held_outside(proc.procfs(), look.holdings, wanted);
    }

    Forked child;
    FakeProc proc;
};

TEST_F(EndHolders, APipeWhoseOtherEndNobodyHasIsCriusWhileDescriptorsAreInFlight) {
    write_to_pipe();
    have_descriptors_in_flight();
    EXPECT_TRUE(external_pipes().empty());
}

TEST_F(EndHolders, APipeWhoseOtherEndIsOpenOutsideLeadsThere) {
    write_to_pipe();
    have_descriptors_in_flight();
    open(k_outside, 0, "pipe:[77]", "flags:\t00\n");
    const auto pipes = external_pipes();
    ASSERT_EQ(pipes.size(), 1U);
    EXPECT_EQ(pipes[0].inode, k_pipe);
    EXPECT_EQ(pipes[0].end, PipeEnd::write);
}

TEST_F(EndHolders, AnotherWriterOutsideIsNotTheOtherEnd) {
    write_to_pipe();
    have_descriptors_in_flight();
    open(k_outside, 0, "pipe:[77]", "flags:\t01\n");
    EXPECT_TRUE(external_pipes().empty());
}

// It may be one of another pid namespace.
TEST_F(EndHolders, WithNothingInFlightAPipeLeadsOutsideThoughNobodyIsSeenToHaveIt) {
    write_to_pipe();
    EXPECT_EQ(external_pipes().size(), 1U);
}

TEST_F(EndHolders, OfAFrozenTreeAreThoseThatWereKnownBefore) {
    write_to_pipe();
    have_descriptors_in_flight();
    EXPECT_TRUE(external_pipes_when_frozen({}).empty());
    EXPECT_EQ(external_pipes_when_frozen({{.inode = k_pipe, .end = PipeEnd::write}}).size(), 1U);
}

TEST_F(EndHolders, OfAFrozenTreeWithNothingInFlightAreAlsoNewOnes) {
    write_to_pipe();
    EXPECT_EQ(external_pipes_when_frozen({}).size(), 1U);
}

TEST_F(EndHolders, AreNotProcessesOfTheTree) {
    write_to_pipe();
    EXPECT_TRUE(held({{k_pipe, PipeEnd::write}}).empty());
}

TEST_F(EndHolders, AreToldWithWhatARestoreDoes) {
    const testing::Look look(proc.procfs(), child.pid());
    const auto pipe = [&](PipeEnd end, int fd) {
        return ExternalPipe{.inode = k_pipe, .end = end, .descriptors = {{.pid = child.pid(), .fd = fd}}};
    };
    const std::vector<std::string> told =
        sentences_of(look.tree, {pipe(PipeEnd::read, 0), pipe(PipeEnd::write, 1), pipe(PipeEnd::write, 6),
                                 pipe(PipeEnd::write, 7), pipe(PipeEnd::write, 8), pipe(PipeEnd::write, 9)});
    ASSERT_EQ(told.size(), 3U);
    EXPECT_TRUE(testing::holds(told[0], "reads from (descriptor 0) leads out of the tree: a restore reads from its own "
                                        "standard input there"));
    EXPECT_TRUE(testing::holds(told[1], "writes to (descriptor 1) leads out of the tree: a restore leads it to its own "
                                        "standard output"));
    EXPECT_TRUE(testing::holds(told[2],
                               "(descriptor 6) leads out of the tree: a restore leads it to /dev/null; the same "
                               "goes for descriptor 7 of "));
    EXPECT_TRUE(testing::holds(told[2], " and 1 more"));
}

} // namespace
} // namespace cedana
