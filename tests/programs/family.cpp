// SPDX-License-Identifier: Apache-2.0
// A target of three processes: the parent sends a number to one child through pipes and to the other through a pair of
// sockets, and each sends back the next one. The parent appends each number that came back right from both to LOG.
// Usage: family LOG
#include <array>
#include <cstdint>
#include <string>

#include <sys/socket.h>

#include "append_log.hpp"

namespace {

struct Channel {
    int in;
    int out;
};

bool receive(const Channel& channel, std::uint64_t& number) {
    return ::read(channel.in, &number, sizeof number) == sizeof number;
}

bool send(const Channel& channel, std::uint64_t number) {
    return ::write(channel.out, &number, sizeof number) == sizeof number;
}

[[noreturn]] void run_child(const Channel& channel, const AppendLog& log) {
    std::uint64_t number = 0;
    for (std::uint64_t expected = 1;; ++expected) {
        if (!receive(channel, number) || number != expected || !send(channel, number + 1))
            log.broken("a child received " + std::to_string(number));
    }
}

Channel start_child_with_pipes(const AppendLog& log) {
    std::array<int, 2> down{};
    std::array<int, 2> up{};
    if (::pipe(down.data()) != 0 || ::pipe(up.data()) != 0)
        std::exit(2);
    if (::fork() == 0)
        run_child({.in = down[0], .out = up[1]}, log);
    return {.in = up[0], .out = down[1]};
}

Channel start_child_with_sockets(const AppendLog& log) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0)
        std::exit(2);
    if (::fork() == 0)
        run_child({.in = ends[1], .out = ends[1]}, log);
    return {.in = ends[0], .out = ends[0]};
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2)
        return 2;
    const AppendLog log(argv[1]);
    const std::array<Channel, 2> children = {start_child_with_pipes(log), start_child_with_sockets(log)};
    for (std::uint64_t number = 1;; ++number) {
        for (const Channel& child : children) {
            std::uint64_t answer = 0;
            if (!send(child, number) || !receive(child, answer) || answer != number + 1)
                log.broken("the parent received " + std::to_string(answer));
        }
        log.line(std::to_string(number));
        pause_for_a_millisecond();
    }
}
