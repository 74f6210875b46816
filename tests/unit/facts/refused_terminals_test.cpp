// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/external_ends.hpp"
#include "cedana/facts/refusal.hpp"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/sysmacros.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::Forked;
using testing::holds;
using testing::Look;

// A shell that is not in the tree, and of the tree a job with a child. A terminal of its own, since what is open is
// looked at: only a fake /proc can say whose it is.
class TerminalFiles : public ::testing::Test {
  protected:
    static constexpr pid_t k_shell = 4242;

    TerminalFiles() {
        ::grantpt(master.get());
        ::unlockpt(master.get());
        slave = ::ptsname(master.get());
        number = static_cast<unsigned>(std::stoul(slave.substr(slave.rfind('/') + 1)));
        constexpr unsigned k_pts = 136;
        device = makedev(k_pts, number);
        set_foreground(job.pid());
    }
    void set_foreground(pid_t group, pid_t session = k_shell) {
        for (const Forked* one : {&job, &child})
            proc.add({.pid = one->pid(),
                      .parent = one == &job ? k_shell : job.pid(),
                      .comm = one == &job ? "editor" : "child",
                      .group = job.pid(),
                      .session = session,
                      .terminal = device,
                      .foreground_group = group,
                      .start_time = Procfs().stat(one->pid())->start_time});
    }
    void open(const Forked& process, int fd, const std::string& target, const std::string& fdinfo = "flags:\t02\n") {
        proc.link(process.pid(), "fd/" + std::to_string(fd), target);
        proc.write(process.pid(), "fdinfo/" + std::to_string(fd), fdinfo);
    }
    [[nodiscard]] std::vector<Refusal> refusals(OuterDevTty outer = OuterDevTty::as_any) const {
        const Look look(proc.procfs(), job.pid());
        return refused_terminal_files(proc.procfs(), look.holdings, outer);
    }
    [[nodiscard]] std::string outer() const { return outer_dev_tty(Look(proc.procfs(), job.pid()).holdings); }

    UniqueFd master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    std::string slave;
    unsigned number = 0;
    dev_t device = 0;
    Forked job;
    Forked child;
    FakeProc proc;
};

TEST_F(TerminalFiles, MayBeOfAJobInTheForeground) {
    open(job, 0, slave);
    EXPECT_TRUE(refusals().empty());
}

TEST_F(TerminalFiles, MayNotBeDevTtyOfAJobInTheForeground) {
    open(job, 0, slave);
    open(job, 4, "/dev/tty");
    const auto found = refusals();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].pid, job.pid());
    EXPECT_TRUE(holds(found[0].sentence, "has /dev/tty open (descriptor 4)")) << found[0].sentence;
    EXPECT_TRUE(holds(found[0].sentence, "process 4242"));
    EXPECT_TRUE(holds(found[0].hint, "Ctrl-Z"));
}

TEST_F(TerminalFiles, MayBeDevTtyOfAJobWhereCriuIsToldOfIt) {
    EXPECT_EQ(outer(), "");
    open(child, 4, "/dev/tty");
    struct ::stat info {};
    ASSERT_EQ(::stat("/dev/tty", &info), 0);
    EXPECT_EQ(outer(), fmt::format("tty[500:{:x}]", info.st_dev));
    EXPECT_TRUE(refusals(OuterDevTty::external).empty());
    const Look look(proc.procfs(), job.pid());
    EXPECT_EQ(external_terminals(look.holdings),
              (std::vector<ExternalTerminal>{{.path = slave, .descriptors = {{.pid = child.pid(), .fd = 4}}}}));
}

TEST_F(TerminalFiles, AreNotToldOfWhereTheLeaderIsOfTheTree) {
    set_foreground(job.pid(), job.pid());
    open(job, 0, slave);
    open(job, 4, "/dev/tty");
    EXPECT_EQ(outer(), "");
    EXPECT_EQ(refusals(OuterDevTty::external).size(), 1U);
}

TEST_F(TerminalFiles, MayBeDevTtyWhileTheShellHasTheTerminal) {
    set_foreground(k_shell);
    open(job, 0, slave);
    open(job, 4, "/dev/tty");
    EXPECT_TRUE(refusals().empty());
}

TEST_F(TerminalFiles, MayNotBeDevTtyAlone) {
    set_foreground(k_shell);
    open(job, 4, "/dev/tty");
    const auto found = refusals();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(holds(found[0].sentence, "has the terminal itself open too")) << found[0].sentence;
}

TEST_F(TerminalFiles, MayNotBeDevTtyBelowSomebodyWhoHasTheTerminal) {
    set_foreground(k_shell);
    open(job, 0, slave);
    open(child, 0, slave);
    open(child, 4, "/dev/tty");
    const auto found = refusals();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].pid, child.pid());
    EXPECT_TRUE(holds(found[0].sentence, "no other process of its tree")) << found[0].sentence;
}

TEST_F(TerminalFiles, MayNotBeDevTtyOfTheLeaderOfASession) {
    set_foreground(job.pid(), job.pid());
    open(job, 0, slave);
    open(job, 4, "/dev/tty");
    const auto found = refusals();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(holds(found[0].sentence, "could not restore that below the leader of its session"));
    EXPECT_TRUE(holds(found[0].hint, "from a shell in that terminal"));
}

TEST_F(TerminalFiles, MayNotBeDevTtyBelowALeaderOfTheTree) {
    set_foreground(job.pid(), job.pid());
    open(child, 0, slave);
    open(child, 4, "/dev/tty");
    const auto found = refusals();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].pid, child.pid());
    EXPECT_TRUE(holds(found[0].hint, "-p " + std::to_string(child.pid())));
}

// CRIU looks at that of the parent alone.
TEST_F(TerminalFiles, MayBeDevTtyBelowSomebodyWhoHasItToo) {
    set_foreground(k_shell);
    for (const Forked* one : {&job, &child}) {
        open(*one, 0, slave);
        open(*one, 4, "/dev/tty");
    }
    EXPECT_TRUE(refusals().empty());
}

TEST_F(TerminalFiles, AreLeftToCriuWhereAnotherTerminalIsOpenToo) {
    const UniqueFd other(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ::grantpt(other.get());
    ::unlockpt(other.get());
    open(job, 0, slave);
    open(job, 4, "/dev/tty");
    open(job, 5, ::ptsname(other.get()));
    // As mc has it, which holds the terminal of its shell's.
    EXPECT_EQ(refusals().size(), 1U);
    device = 0;
    set_foreground(0);
    EXPECT_TRUE(refusals().empty());
}

TEST_F(TerminalFiles, MayHaveNumbersUpToAThousand) {
    open(job, 5, "/dev/ptmx", "flags:\t02\ntty-index:\t1000\n");
    EXPECT_TRUE(refusals().empty());
    open(job, 6, "/dev/ptmx", "flags:\t02\ntty-index:\t1001\n");
    const auto found = refusals();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(holds(found[0].sentence, "the pseudo terminal 1001 open (descriptor 6)")) << found[0].sentence;
    EXPECT_FALSE(found[0].hint.empty());
}

} // namespace
} // namespace cedana
