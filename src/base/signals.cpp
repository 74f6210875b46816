// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/signals.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/signal_words.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cedana {

namespace {

// A blocked signal is queued even where it is ignored (kernel/signal.c, sig_ignored()), and would be read.
bool is_to_be_ignored(int number) {
    constexpr std::array k_of_shells = {SIGHUP, SIGINT, SIGQUIT};
    struct ::sigaction now {};
    return std::ranges::find(k_of_shells, number) != k_of_shells.end() && ::sigaction(number, nullptr, &now) == 0 &&
           now.sa_handler == SIG_IGN;
}

} // namespace

UniqueFd watch_signals(std::span<const int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers)
        if (!is_to_be_ignored(number))
            sigaddset(&set, number);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    UniqueFd events(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!events)
        throw OsFailure().error("cannot watch for signals");
    return events;
}

Interrupt Interrupt::install() {
    // A write to a closed pipe must be an EPIPE where it happens, not the end of the program.
    std::signal(SIGPIPE, SIG_IGN);
    Interrupt interrupt;
    interrupt.signals_ = watch_signals(std::array{SIGINT, SIGTERM, SIGHUP});
    return interrupt;
}

int Interrupt::take() const {
    signalfd_siginfo info{};
    if (signals_ && ::read(signals_.get(), &info, sizeof info) == sizeof info)
        return static_cast<int>(info.ssi_signo);
    return 0;
}

void Interrupt::throw_if_pending() const {
    if (const int number = take(); number != 0)
        throw Error(Fault::interrupted, "interrupted by " + known_as(number));
}

bool Interrupt::pending_within(std::chrono::milliseconds time) const {
    pollfd signals{.fd = signals_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&signals, 1, static_cast<int>(time.count())) > 0;
}

ssize_t read_when_ready(int fd, std::span<std::byte> buffer, const Interrupt& interrupt) {
    while (true) {
        std::array<pollfd, 2> set = {{{fd, POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
        if (::poll(set.data(), set.size(), -1) < 0 && errno != EINTR)
            throw OsFailure().error("cannot poll");
        interrupt.throw_if_pending();
        if (set[0].revents == 0)
            continue;
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count >= 0 || (errno != EINTR && errno != EAGAIN))
            return count;
    }
}

} // namespace cedana
