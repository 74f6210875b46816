// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/own_terminal.hpp"

#include <csignal>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

bool has_own_terminal() {
    // tcgetsid(3) fails for the terminal of another session.
    return (::fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE) == O_RDWR && ::tcgetsid(STDIN_FILENO) == ::getsid(0);
}

void lend_own_terminal(pid_t group) { ::tcsetpgrp(STDIN_FILENO, group); }

OwnTerminal::OwnTerminal() {
    // SIGTTOU would stop a process in the background that changes the terminal.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTTOU);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::tcgetattr(STDIN_FILENO, &settings_);
    ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size_);
}

void OwnTerminal::restore_size() const {
    ::ioctl(STDIN_FILENO, TIOCSWINSZ, &size_);
    // A size that is as it was is no event to the kernel, but what was on the screen is not there.
    if (const pid_t group = ::tcgetpgrp(STDIN_FILENO); group > 1)
        ::kill(-group, SIGWINCH);
}

void OwnTerminal::restore_settings() const { ::tcsetattr(STDIN_FILENO, TCSANOW, &settings_); }

void OwnTerminal::make_raw(Lines lines) const {
    struct ::termios raw = settings_;
    ::cfmakeraw(&raw);
    if (lines == Lines::ours)
        raw.c_oflag = settings_.c_oflag;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

struct ::winsize OwnTerminal::size() const {
    struct ::winsize size = size_;
    ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
    return size;
}

bool OwnTerminal::is_ours() const { return ::tcgetpgrp(STDIN_FILENO) == ::getpgrp(); }

void OwnTerminal::lend_to(pid_t group) const { lend_own_terminal(group); }

void OwnTerminal::end_loan() const { ::tcsetpgrp(STDIN_FILENO, ::getpgrp()); }

} // namespace cedana
