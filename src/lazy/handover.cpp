// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/handover.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/unix_socket.hpp"

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <span>

#include <spdlog/fmt/fmt.h>

#include <sys/socket.h>

namespace cedana::criu {

namespace {

// LAZY_PAGES_RESTORE_FINISHED (criu/uffd.c); above every pid.
constexpr std::int32_t k_tree_goes_on = 0x52535446;

// How many bytes, 0 at the end; absent while nothing is there.
std::optional<ssize_t> receive(int from, std::span<char> bytes, UniqueFd& passed) {
    while (true) {
        const ssize_t count = receive_with_fd(from, bytes, passed, MSG_DONTWAIT);
        if (count >= 0)
            return count;
        const int err = errno;
        if (err == EAGAIN || err == EWOULDBLOCK)
            return std::nullopt;
        // CRIU was killed with something unread.
        if (err == ECONNRESET)
            return 0;
        if (err != EINTR)
            throw os_error(err, "cannot receive from criu");
    }
}

struct Passed {
    bool is_end = false;
    UniqueFd fd = {};
};
// What comes beside a byte; absent while nothing is there.
std::optional<Passed> receive_descriptor(int from) {
    std::array<char, 1> byte{};
    Passed passed;
    const auto count = receive(from, byte, passed.fd);
    if (!count)
        return std::nullopt;
    passed.is_end = *count == 0;
    return passed;
}

} // namespace

// unix(7) does not say so, but unix_stream_connect() and unix_accept() in net/unix/af_unix.c do.
void shut_listener(int listener) { ::shutdown(listener, SHUT_RD); }

std::optional<LazyHandover> LazyHandover::accept(int listener) {
    UniqueFd connection(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (connection)
        return LazyHandover(std::move(connection));
    const int err = errno;
    if (err == EINVAL)
        return std::nullopt;
    throw os_error(err, "cannot take the connection of criu");
}

LazyHandover LazyHandover::receive_passed(int channel) {
    auto passed = receive_descriptor(channel);
    if (!passed || !passed->fd)
        throw Error(Fault::interrupted, "nobody comes to restore the tree");
    return LazyHandover(std::move(passed->fd));
}

void LazyHandover::shut() const { ::shutdown(connection_.get(), SHUT_RD); }

std::optional<LazyHandover::Message> LazyHandover::next() { return expects_ ? next_descriptor() : next_number(); }

std::optional<LazyHandover::Message> LazyHandover::next_number() {
    while (true) {
        std::array<char, sizeof(std::int32_t)> bytes{};
        UniqueFd none;
        const auto count = receive(connection_.get(), bytes, none);
        if (!count)
            return std::nullopt;
        if (*count == 0)
            return Closed{};
        if (*count != sizeof bytes)
            throw Error(Fault::internal, "criu sends a pid of a wrong length");
        const auto number = std::bit_cast<std::int32_t>(bytes);
        if (number == k_tree_goes_on)
            return TreeGoesOn{};
        // A zombie has no memory.
        if (number <= 0)
            continue;
        expects_ = number;
        return next_descriptor();
    }
}

std::optional<LazyHandover::Message> LazyHandover::next_descriptor() {
    auto passed = receive_descriptor(connection_.get());
    if (!passed)
        return std::nullopt;
    if (passed->is_end)
        return Closed{};
    if (!passed->fd)
        throw Error(Fault::internal, fmt::format("criu sends no userfaultfd for process {}", *expects_));
    const pid_t pid = *expects_;
    expects_.reset();
    return Task{.pid = pid, .fault = std::move(passed->fd)};
}

} // namespace cedana::criu
