// SPDX-License-Identifier: Apache-2.0
// TCP connections that are neither established nor gone: each state through a checkpoint and back, where it goes on.
#include "cedana/base/unique_fd.hpp"

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "support/nft_tables.hpp"
#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

struct State {
    std::string kind;
    std::string family;
};

// A listener whose queue is full, so that whoever connects waits without end.
class FullListener {
  public:
    FullListener() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        name_.sin_family = AF_INET;
        name_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof name_;
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name_), size), 0);
        EXPECT_EQ(::listen(listener_.get(), 0), 0);
        EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&name_), &size), 0);
        // One is queued, and one may be more than that.
        for (int i = 0; i < 3; ++i) {
            waiting_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            static_cast<void>(::connect(waiting_.back().get(), reinterpret_cast<const sockaddr*>(&name_), size));
        }
    }
    [[nodiscard]] std::string port() const { return std::to_string(ntohs(name_.sin_port)); }
    // From now on all are accepted.
    void accept_all() {
        thread_ = std::jthread([this] {
            std::vector<UniqueFd> accepted;
            for (;;) {
                UniqueFd one(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
                if (!one)
                    return;
                accepted.push_back(std::move(one));
            }
        });
    }
    void end() const { ::shutdown(listener_.get(), SHUT_RDWR); }

  private:
    UniqueFd listener_;
    sockaddr_in name_{};
    std::vector<UniqueFd> waiting_;
    std::jthread thread_;
};

class TcpState : public System, public ::testing::WithParamInterface<State> {
  protected:
    [[nodiscard]] fs::path log() const { return folder() / "log"; }
    // What a program that is told to go on says of its connection.
    [[nodiscard]] std::string said_by(pid_t pid) const {
        EXPECT_EQ(::kill(pid, SIGUSR1), 0);
        return wait_for_lines(log(), 2).back();
    }
};

TEST_P(TcpState, ComesBackAndGoesOn) {
    Target target({target_program("tcp_states"), GetParam().kind, log(), GetParam().family, "0"});
    wait_for_lines(log(), 1);
    const fs::path zip = dump_and_stop(target);
    restore_as(target.pid(), zip);
    EXPECT_EQ(said_by(target.pid()), "right");
}

INSTANTIATE_TEST_SUITE_P(EachState, TcpState,
                         ::testing::Values(State{"close_wait", "4"}, State{"fin_wait1", "4"}, State{"last_ack", "4"},
                                           State{"closing", "4"}, State{"closed", "4"}, State{"reset", "4"},
                                           State{"unsent", "4"}, State{"close_wait", "6"}, State{"closed", "6"}),
                         [](const auto& one) { return one.param.kind + "_ipv" + one.param.family; });

// Queues that are full: CRIU sends what was not sent yet before the other end is there.
class UnsentData : public TcpState {
  protected:
    // The checkpoint of a program that ran on for a while, on a host that holds none of its packets back.
    [[nodiscard]] fs::path dump_and_end_later(Target& target) const {
        const CedanaRun run = dump(target.pid(), {"--leave-running"});
        EXPECT_EQ(run.exit_code, 0) << run.err;
        target.end();
        return only_line(run.out);
    }
};

TEST_P(UnsentData, ComesToItsOtherEndAfterTheProgramRanOn) {
    Target target({target_program("tcp_states"), GetParam().kind, log(), GetParam().family, "0"});
    wait_for_lines(log(), 1);
    const fs::path zip = dump_and_end_later(target);
    // Nothing is held back after a restore that fails, either.
    write_script(scratch("criu"), "#!/bin/sh\ncase \" $* \" in *\" restore \"*) exit 1 ;; esac\nexec criu \"$@\"\n");
    options.environment["CEDANA_CRIU_PATH"] = scratch("criu");
    EXPECT_NE(restore(zip).exit_code, 0);
    EXPECT_TRUE(nft_tables("cedana-restore-").empty());
    options.environment.erase("CEDANA_CRIU_PATH");
    restore_as(target.pid(), zip);
    EXPECT_TRUE(nft_tables("cedana-restore-").empty());
    EXPECT_EQ(said_by(target.pid()), "right");
}

INSTANTIATE_TEST_SUITE_P(FullQueues, UnsentData, ::testing::Values(State{"unsent", "4"}, State{"unsent", "6"}),
                         [](const auto& one) { return one.param.kind + "_ipv" + one.param.family; });

class TcpStates : public TcpState {};

TEST_P(TcpStates, OfAConnectionThatIsNotMadeYetIsMadeAfterwards) {
    FullListener listener;
    Target target({target_program("tcp_states"), GetParam().kind, log(), GetParam().family, listener.port()});
    wait_for_lines(log(), 1);
    const fs::path zip = dump_and_stop(target);
    restore_as(target.pid(), zip);
    listener.accept_all();
    EXPECT_EQ(said_by(target.pid()), "right");
    listener.end();
}

INSTANTIATE_TEST_SUITE_P(NotMadeYet, TcpStates, ::testing::Values(State{"syn_sent", "4"}),
                         [](const auto& one) { return one.param.kind; });

} // namespace
} // namespace cedana::testing
