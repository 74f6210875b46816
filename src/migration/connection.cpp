// SPDX-License-Identifier: Apache-2.0
#include "cedana/migration/connection.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace cedana::migration {

namespace {

using Clock = std::chrono::steady_clock;

Error connection_lost(const std::string& peer, std::string_view how) {
    return {Fault::connection, fmt::format("the connection with {} is lost: {}", peer, how)};
}

void make_non_blocking(const UniqueFd& fd) { ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

int milliseconds_until(Clock::time_point until) {
    constexpr std::int64_t k_most = 3'600'000;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    return static_cast<int>(left < 0 ? 0 : left > k_most ? k_most : left);
}

std::string text_of(const Header& header) {
    std::string text;
    for (const std::byte byte : header)
        text += static_cast<char>(byte);
    return text;
}

bool would_block(int error_number) { return error_number == EAGAIN || error_number == EINTR; }

} // namespace

Connection::Connection(Side self, UniqueFd in, UniqueFd out, std::string peer)
    : self_(self), in_(std::move(in)), out_(std::move(out)), peer_(std::move(peer)) {
    make_non_blocking(in_);
    make_non_blocking(out_);
}

void Connection::send(FrameType type, std::string_view payload, std::span<const std::byte> more,
                      const Interrupt& interrupt) {
    const std::lock_guard guard(mutex_);
    const std::size_t length = payload.size() + more.size();
    if (length > longest(type))
        throw Error(Fault::connection,
                    fmt::format("'{}' has {} bytes, and may have {}", name_of(type), length, longest(type)));
    if (failure_)
        throw Error(*failure_);
    // Before it goes out: the other end may answer at once.
    stage_ = after(stage_, type);
    const std::uint64_t before = sent_;
    try {
        write(write_header({.type = type, .length = length}), interrupt);
        write(std::as_bytes(std::span(payload)), interrupt);
        write(more, interrupt);
    } catch (const Error& error) {
        if (sent_ != before || error.fault() == Fault::interrupted) {
            failure_ = error;
            out_.reset();
        }
        throw;
    }
}

Frame Connection::receive(std::chrono::milliseconds limit, const Interrupt& interrupt) {
    const auto until = Clock::now() + limit;
    Header header{};
    read(header, until, interrupt);
    if (!begins_frame(header))
        throw not_of_cedana(text_of(header) + rest_of_line());
    const FrameHead head = parse_header(header, self_ == Side::source ? Side::target : Side::source);
    Frame frame{.type = head.type, .payload = std::string(head.length, '\0')};
    read(std::as_writable_bytes(std::span(frame.payload)), until, interrupt);
    const std::lock_guard guard(mutex_);
    stage_ = after(stage_, frame.type);
    return frame;
}

bool Connection::is_ready_within(std::chrono::milliseconds limit, int stop) const {
    std::array<pollfd, 2> set = {{{in_.get(), POLLIN, 0}, {stop, POLLIN, 0}}};
    return ::poll(set.data(), set.size(), static_cast<int>(limit.count())) > 0 && set[1].revents == 0;
}

// Of a pipe POLLHUP tells it, of a socket POLLRDHUP (poll(2)).
bool Connection::hangs_up_within(std::chrono::milliseconds limit, int stop) const {
    std::array<pollfd, 2> set = {{{in_.get(), POLLRDHUP, 0}, {stop, POLLIN, 0}}};
    return ::poll(set.data(), set.size(), static_cast<int>(limit.count())) > 0 && set[0].revents != 0 &&
           set[1].revents == 0;
}

void Connection::close() noexcept {
    const std::lock_guard guard(mutex_);
    out_.reset();
}

Stage Connection::stage() const {
    const std::lock_guard guard(mutex_);
    return stage_;
}

void Connection::write(std::span<const std::byte> bytes, const Interrupt& interrupt) {
    auto until = Clock::now() + k_send_limit;
    while (!bytes.empty()) {
        const ssize_t count = out_ ? ::write(out_.get(), bytes.data(), bytes.size()) : -1;
        const int err = out_ ? errno : EPIPE;
        has_ended_ = has_ended_ || (count < 0 && err == EPIPE);
        if (count < 0 && !would_block(err))
            throw connection_lost(peer_, errno_text(err));
        if (count > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            sent_ += static_cast<std::uint64_t>(count);
            until = Clock::now() + k_send_limit;
            continue;
        }
        std::array<pollfd, 2> set = {{{out_.get(), POLLOUT, 0}, {interrupt.fd(), POLLIN, 0}}};
        const int ready = ::poll(set.data(), set.size(), milliseconds_until(until));
        interrupt.throw_if_pending();
        if (ready == 0)
            throw connection_lost(peer_, fmt::format("it has taken nothing for {} s", k_send_limit.count()));
    }
}

// What has come of it.
std::string Connection::rest_of_line() const {
    std::array<char, 200> rest{};
    const ssize_t count = ::read(in_.get(), rest.data(), rest.size());
    const std::string_view text(rest.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return std::string(text.substr(0, text.find('\n')));
}

void Connection::read(std::span<std::byte> bytes, Clock::time_point until, const Interrupt& interrupt) {
    while (!bytes.empty()) {
        const ssize_t count = ::read(in_.get(), bytes.data(), bytes.size());
        const int err = errno;
        has_ended_ = has_ended_ || count == 0;
        if (count == 0)
            throw connection_lost(peer_, "it has ended");
        if (count < 0 && !would_block(err))
            throw connection_lost(peer_, errno_text(err));
        if (count > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            continue;
        }
        std::array<pollfd, 2> set = {{{in_.get(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
        const int ready = ::poll(set.data(), set.size(), milliseconds_until(until));
        interrupt.throw_if_pending();
        if (ready == 0)
            throw connection_lost(peer_, "it has said nothing for too long");
    }
}

} // namespace cedana::migration
