// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/signals.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include <sys/signalfd.h>
#include <unistd.h>

namespace cedana {

Interrupt Interrupt::install() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&set, number);
    // A write to a closed pipe must be an EPIPE where it happens, not the end of the program.
    std::signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    Interrupt interrupt;
    interrupt.signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!interrupt.signals_) {
        const int err = errno;
        throw os_error(err, "cannot watch for signals");
    }
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
        throw Error(Fault::interrupted, std::string("interrupted by ") + ::strsignal(number));
}

} // namespace cedana
