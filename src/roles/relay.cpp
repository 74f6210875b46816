// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/relay.hpp"

#include "cedana/base/error.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

// A master answers for its slave (tty_ioctl(4)).
bool adds_returns(int master) {
    termios settings{};
    return ::tcgetattr(master, &settings) == 0 && (settings.c_oflag & OPOST) != 0 && (settings.c_oflag & ONLCR) != 0;
}

bool is_for_later(int error_number) { return error_number == EAGAIN || error_number == EINTR; }

bool is_broken(int error_number) { return error_number == EPIPE || error_number == ECONNRESET; }

} // namespace

Relay::Relay(UniqueFd from, UniqueFd to, LineEnds line_ends, TargetEnd target_end)
    : from_(std::move(from)), to_(std::move(to)), line_ends_(line_ends), target_end_(target_end) {}

void Relay::read_some() {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(from_.get(), buffer.data(), buffer.size());
    const int err = errno;
    if (count > 0)
        add({buffer.data(), static_cast<std::size_t>(count)});
    else if (count == 0 || !is_for_later(err))
        // EIO: nobody has the other side of the terminal open any more.
        finish_source();
}

void Relay::add(std::string_view piece) {
    if (line_ends_ == LineEnds::as_they_are || !adds_returns(from_.get())) {
        if (std::exchange(held_return_, false))
            pending_ += '\r';
        pending_ += piece;
        return;
    }
    for (const char c : piece) {
        if (std::exchange(held_return_, false) && c != '\n')
            pending_ += '\r';
        if (c == '\r')
            held_return_ = true;
        else
            pending_ += c;
    }
}

void Relay::finish_source() {
    if (std::exchange(held_return_, false))
        pending_ += '\r';
    from_.reset();
    if (pending_.empty())
        to_.reset();
}

void Relay::write_some() {
    if (dropped_ != 0) {
        const std::string note =
            fmt::format("\n[cedana: {} bytes of output are missing here: {}]\n", dropped_, errno_text(drop_reason_));
        if (::write(to_.get(), note.data(), note.size()) != static_cast<ssize_t>(note.size()))
            return drop(drop_reason_);
        dropped_ = 0;
    }
    const ssize_t count = ::write(to_.get(), pending_.data(), pending_.size());
    const int err = errno;
    if (count < 0 && is_broken(err))
        return give_up();
    if (count < 0 && !is_for_later(err))
        return drop(err);
    pending_.erase(0, count < 0 ? 0 : static_cast<std::size_t>(count));
    if (pending_.empty() && !from_)
        to_.reset();
}

void Relay::drop(int error_number) {
    dropped_ += pending_.size();
    drop_reason_ = error_number;
    pending_.clear();
    if (!from_)
        to_.reset();
}

void Relay::give_up() noexcept {
    pending_.clear();
    if (target_end_ == TargetEnd::drops)
        to_ = UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    if (target_end_ == TargetEnd::drops && to_)
        return;
    from_.reset();
    to_.reset();
}

} // namespace cedana::roles
