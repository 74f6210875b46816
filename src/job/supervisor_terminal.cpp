// SPDX-License-Identifier: Apache-2.0
#include "supervisor_terminal.hpp"

#include "cedana/base/error.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace cedana::job {

void KeyTerminal::join(const UniqueFd& far_end) {
    if (is_gone_ || !has_own_terminal())
        return;
    far_end_ = UniqueFd(::fcntl(far_end.get(), F_DUPFD_CLOEXEC, 0));
    if (!far_end_)
        throw OsFailure().error("cannot use the terminal of the job");
    own_.emplace();
    typed_signal_ = 0;
    take_size();
    look_whose_keys();
}

void KeyTerminal::leave() {
    if (!own_)
        return;
    const bool had_keys = has_keys_;
    drop_keys();
    if (had_keys)
        own_->restore_settings();
    own_.reset();
    far_end_.reset();
}

void KeyTerminal::take_size() const {
    if (!own_)
        return;
    const struct ::winsize size = own_->size();
    ::ioctl(far_end_.get(), TIOCSWINSZ, &size);
    // A size that is as it was is no event to the kernel. A master answers for its slave (tty_ioctl(4)).
    if (const pid_t group = ::tcgetpgrp(far_end_.get()); group > 1)
        ::kill(-group, SIGWINCH);
}

void KeyTerminal::look_whose_keys() {
    if (!own_ || is_gone_ || own_->is_ours() == has_keys_)
        return;
    if (has_keys_)
        return drop_keys();
    has_keys_ = true;
    own_->make_raw();
    loop_.watch(STDIN_FILENO, POLLIN, [this](short) { read_keys(); });
}

void KeyTerminal::take_up_again() {
    if (own_ && has_keys_)
        drop_keys();
    look_whose_keys();
}

void KeyTerminal::print(const std::function<void()>& line) const {
    if (has_keys_)
        own_->make_raw(OwnTerminal::Lines::ours);
    line();
    if (has_keys_)
        own_->make_raw();
}

void KeyTerminal::read_keys() {
    std::array<char, 4096> keys;
    const ssize_t count = ::read(STDIN_FILENO, keys.data(), keys.size());
    const int err = errno;
    if (count < 0 && (err == EINTR || err == EAGAIN))
        return;
    if (count <= 0) {
        // Who reads in the background fails as who reads what is hung up (tty_ioctl(4)).
        is_gone_ = count == 0 || own_->is_ours();
        return drop_keys();
    }
    const std::string_view typed(keys.data(), static_cast<std::size_t>(count));
    note_signals(typed);
    pending_.append(typed);
    pass_keys();
}

void KeyTerminal::note_signals(std::string_view keys) {
    struct ::termios settings {};
    // A master answers for its slave (tty_ioctl(4)).
    if (::tcgetattr(far_end_.get(), &settings) != 0 || (settings.c_lflag & ISIG) == 0)
        return;
    for (const char key : keys)
        for (const auto& [place, number] : {std::pair(VINTR, SIGINT), std::pair(VQUIT, SIGQUIT)})
            if (settings.c_cc[place] != _POSIX_VDISABLE && static_cast<cc_t>(key) == settings.c_cc[place])
                typed_signal_ = number;
}

// What the program has not read yet keeps further keys back.
void KeyTerminal::pass_keys() {
    const ssize_t count = ::write(far_end_.get(), pending_.data(), pending_.size());
    const int err = errno;
    if (count < 0 && err != EAGAIN && err != EINTR)
        pending_.clear();
    else
        pending_.erase(0, count < 0 ? 0 : static_cast<std::size_t>(count));
    loop_.wait_for(STDIN_FILENO, pending_.empty() ? POLLIN : 0);
    if (pending_.empty())
        loop_.unwatch(far_end_.get());
    else
        loop_.watch(far_end_.get(), POLLOUT, [this](short) { pass_keys(); });
}

void KeyTerminal::drop_keys() {
    has_keys_ = false;
    pending_.clear();
    loop_.unwatch(STDIN_FILENO);
    loop_.unwatch(far_end_.get());
}

} // namespace cedana::job
