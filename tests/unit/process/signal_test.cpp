// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/signal.hpp"

#include <fstream>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "unit/process/forked.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::Forked;
using Clock = std::chrono::steady_clock;

// What the handlers below touch; a handler can only reach globals.
const char* done_path = nullptr;
int event_of_signal = -1;

void make_done_file(int) { ::close(::open(done_path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600)); }
void end_process(int) { ::_exit(3); }
void tell(int) { ::eventfd_write(event_of_signal, 1); }

class SignalBeforeDump : public ::testing::Test {
  protected:
    SignalBeforeDump() { done_path = done.c_str(); }

    WaitEnd send_to(pid_t pid, const PreDumpSignal& request, const Interrupt& interrupt = Interrupt::none()) const {
        return signal_before_dump(procfs, ProcessHandle::open(procfs, pid), request, interrupt);
    }
    Error refusal(pid_t pid, const PreDumpSignal& request, const Interrupt& interrupt = Interrupt::none()) const {
        try {
            send_to(pid, request, interrupt);
        } catch (const Error& error) {
            return error;
        }
        return {Fault::internal, "not refused"};
    }

    Procfs procfs;
    TempDir folder = TempDir(fs::temp_directory_path(), "signal-test");
    std::string done = folder.path() / "done";
};

TEST_F(SignalBeforeDump, ReachesTheProcessAndWaitsForTheTimeout) {
    const UniqueFd event(event_of_signal = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const Forked child([] { ::signal(SIGUSR1, tell); });
    const auto start = Clock::now();
    std::vector<std::chrono::seconds> told;
    EXPECT_EQ(
        send_to(child.pid(), {.timeout = 200ms, .waits = [&](std::chrono::seconds left) { told.push_back(left); }}),
        WaitEnd::timeout);
    EXPECT_GE(Clock::now() - start, 200ms);
    EXPECT_EQ(told.front(), 1s);
    eventfd_t count = 0;
    EXPECT_EQ(::eventfd_read(event_of_signal, &count), 0);
    EXPECT_EQ(count, 1U);
}

TEST_F(SignalBeforeDump, IsNotSentWhereItWouldEndTheProcess) {
    const Forked child([] { ::signal(SIGUSR1, SIG_DFL); });
    const Error error = refusal(child.pid(), {.timeout = 10s});
    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_NE(error.message().find("SIGUSR1"), std::string::npos);
    EXPECT_FALSE(error.hint().empty());
    EXPECT_TRUE(ProcessHandle::open(procfs, child.pid()).alive());
}

TEST_F(SignalBeforeDump, IsSentToAProcessThatIgnoresIt) {
    const Forked child([] { ::signal(SIGUSR1, SIG_IGN); });
    EXPECT_EQ(send_to(child.pid(), {.timeout = 50ms}), WaitEnd::timeout);
}

TEST_F(SignalBeforeDump, EndsItsWaitWhenTheDoneFileAppears) {
    const Forked child([] { ::signal(SIGUSR1, make_done_file); });
    EXPECT_EQ(send_to(child.pid(), {.timeout = 60s, .done_file = done}), WaitEnd::done_file);
}

TEST_F(SignalBeforeDump, DoesNotTakeAnOldDoneFileForANewOne) {
    std::ofstream(done) << "old";
    const Forked child([] { ::signal(SIGUSR1, SIG_IGN); });
    EXPECT_EQ(send_to(child.pid(), {.timeout = 200ms, .done_file = done}), WaitEnd::timeout);
}

TEST_F(SignalBeforeDump, EndsItsWaitWhenAnOldDoneFileIsWrittenAnew) {
    std::ofstream(done) << "old";
    const Forked child([] { ::signal(SIGUSR1, make_done_file); });
    EXPECT_EQ(send_to(child.pid(), {.timeout = 60s, .done_file = done}), WaitEnd::done_file);
}

TEST_F(SignalBeforeDump, FailsWhenTheProcessEndsOnIt) {
    const Forked child([] { ::signal(SIGUSR1, end_process); });
    const Error error = refusal(child.pid(), {.timeout = 60s});
    EXPECT_EQ(error.fault(), Fault::no_process);
    EXPECT_NE(error.message().find("ended after SIGUSR1"), std::string::npos);
}

TEST_F(SignalBeforeDump, FailsWhenTheProcessHasAlreadyEnded) {
    const Forked child;
    child.kill_only();
    EXPECT_EQ(refusal(child.pid(), {.timeout = 60s}).fault(), Fault::no_process);
}

TEST_F(SignalBeforeDump, EndsItsWaitWhenInterrupted) {
    const Forked child([] { ::signal(SIGUSR1, SIG_IGN); });
    const Interrupt interrupt = Interrupt::install();
    ::raise(SIGINT);
    EXPECT_EQ(refusal(child.pid(), {.timeout = 60s}, interrupt).fault(), Fault::interrupted);
}

} // namespace
} // namespace cedana
