// SPDX-License-Identifier: Apache-2.0
// A target with a TCP connection in a state that is neither established nor listening; it has both ends, or, for
// syn_sent, one to PORT, where nobody answers yet. At SIGUSR1 it finds out whether the connection goes on from there. A
// line of LOG says "ready" and then "right", or what is wrong. Usage: tcp_states KIND LOG FAMILY PORT, KIND being
// syn_sent, close_wait, fin_wait1, last_ack, closing, closed or reset, or established with queues that are full on both
// sides (unsent), and FAMILY 4 or 6.
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "append_log.hpp"

namespace {

constexpr int k_limit_ms = 30000;

struct Address {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);
    [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address loopback(int family, std::uint16_t port) {
    Address address;
    if (family == AF_INET) {
        auto* const name = reinterpret_cast<sockaddr_in*>(&address.storage);
        name->sin_family = AF_INET;
        name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        name->sin_port = htons(port);
        address.size = sizeof *name;
    } else {
        auto* const name = reinterpret_cast<sockaddr_in6*>(&address.storage);
        name->sin6_family = AF_INET6;
        name->sin6_addr = in6addr_loopback;
        name->sin6_port = htons(port);
        address.size = sizeof *name;
    }
    return address;
}

[[noreturn]] void fail(const char* what) {
    static_cast<void>(::write(2, what, std::strlen(what)));
    std::exit(2);
}

int state_of(int socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_state : -1;
}

bool wait_for(int socket, short events) {
    pollfd entry{.fd = socket, .events = events, .revents = 0};
    return ::poll(&entry, 1, k_limit_ms) == 1;
}

// Of what is written to a connection; no row of bytes comes again soon.
char byte_at(std::size_t place) { return static_cast<char>(place % 251); }

// Writes until the other end's window is full and nothing more is taken; how much.
std::size_t fill(int socket) {
    std::array<char, 4096> piece{};
    std::size_t total = 0;
    for (;;) {
        for (std::size_t i = 0; i < piece.size(); ++i)
            piece.at(i) = byte_at(total + i);
        const ssize_t count = ::send(socket, piece.data(), piece.size(), MSG_DONTWAIT);
        if (count <= 0)
            return total;
        total += static_cast<std::size_t>(count);
    }
}

// Reads to the end of what comes; how much, or -1, also if it is not what fill() has written.
long read_to_end(int socket) {
    std::array<char, 4096> piece{};
    long total = 0;
    for (;;) {
        if (!wait_for(socket, POLLIN))
            return -1;
        const ssize_t count = ::read(socket, piece.data(), piece.size());
        if (count < 0)
            return -1;
        if (count == 0)
            return total;
        for (ssize_t i = 0; i < count; ++i)
            if (piece.at(static_cast<std::size_t>(i)) != byte_at(static_cast<std::size_t>(total + i)))
                return -1;
        total += count;
    }
}

struct Connection {
    int client = -1;
    int server = -1;
    // What is on its way to each, and not read.
    std::size_t to_client = 0;
    std::size_t to_server = 0;
};

Connection connect_pair(int family) {
    const int listener = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    Address address = loopback(family, 0);
    Connection pair{.client = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    constexpr int k_small = 4096;
    static_cast<void>(::setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &k_small, sizeof k_small));
    static_cast<void>(::setsockopt(pair.client, SOL_SOCKET, SO_RCVBUF, &k_small, sizeof k_small));
    if (::bind(listener, address.get(), address.size) != 0 || ::listen(listener, 1) != 0 ||
        ::getsockname(listener, address.get(), &address.size) != 0 ||
        ::connect(pair.client, address.get(), address.size) != 0)
        fail("cannot connect");
    pair.server = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(listener);
    return pair;
}

void await_state(int socket, int state) {
    for (int i = 0; i < k_limit_ms && state_of(socket) != state; ++i)
        ::usleep(1000);
    if (state_of(socket) != state)
        fail("the connection does not come into its state");
}

Connection make(const std::string& kind, int family, std::uint16_t port) {
    if (kind == "syn_sent") {
        Address address = loopback(family, port);
        Connection pair{.client = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        static_cast<void>(::connect(pair.client, address.get(), address.size));
        await_state(pair.client, TCP_SYN_SENT);
        return pair;
    }
    Connection pair = connect_pair(family);
    if (kind == "close_wait" || kind == "last_ack" || kind == "closed")
        ::shutdown(pair.server, SHUT_WR);
    if (kind == "close_wait" || kind == "last_ack")
        await_state(pair.client, TCP_CLOSE_WAIT);
    if (kind == "fin_wait1" || kind == "last_ack" || kind == "closing" || kind == "unsent")
        pair.to_server = fill(pair.client);
    if (kind == "closing" || kind == "unsent")
        pair.to_client = fill(pair.server);
    if (kind == "closing") {
        ::shutdown(pair.server, SHUT_WR);
        await_state(pair.server, TCP_FIN_WAIT1);
    }
    if (kind == "fin_wait1" || kind == "last_ack" || kind == "closing" || kind == "closed")
        ::shutdown(pair.client, SHUT_WR);
    if (kind == "fin_wait1")
        await_state(pair.client, TCP_FIN_WAIT1);
    if (kind == "last_ack")
        await_state(pair.client, TCP_LAST_ACK);
    if (kind == "closing") {
        if (read_to_end(pair.server) != static_cast<long>(pair.to_server))
            fail("the server has not all");
        pair.to_server = 0;
        await_state(pair.server, TCP_CLOSING);
    }
    if (kind == "closed") {
        await_state(pair.client, TCP_CLOSE);
        await_state(pair.server, TCP_CLOSE);
    }
    if (kind == "reset") {
        constexpr linger k_at_once{.l_onoff = 1, .l_linger = 0};
        static_cast<void>(::setsockopt(pair.server, SOL_SOCKET, SO_LINGER, &k_at_once, sizeof k_at_once));
        ::close(pair.server);
        pair.server = -1;
        await_state(pair.client, TCP_CLOSE);
    }
    return pair;
}

std::string found(const Connection& pair, const std::string& kind) {
    char byte = 'x';
    if (kind == "syn_sent") {
        int error = -1;
        socklen_t size = sizeof error;
        if (!wait_for(pair.client, POLLOUT) || ::getsockopt(pair.client, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
            error != 0)
            return "it was not connected";
        return ::send(pair.client, &byte, 1, 0) == 1 ? "right" : "it cannot be written to";
    }
    if (kind == "reset")
        return ::read(pair.client, &byte, 1) <= 0 ? "right" : "there is something to read";
    if (kind == "close_wait") {
        if (::send(pair.client, &byte, 1, 0) != 1 || !wait_for(pair.server, POLLIN) ||
            ::read(pair.server, &byte, 1) != 1)
            return "the half that was open is not";
        ::shutdown(pair.client, SHUT_WR);
    }
    if (kind == "unsent")
        ::shutdown(pair.client, SHUT_WR);
    const long server = read_to_end(pair.server);
    if (server != static_cast<long>(pair.to_server))
        return "the server has read " + std::to_string(server) + " of " + std::to_string(pair.to_server);
    if (kind == "fin_wait1" || kind == "unsent")
        ::shutdown(pair.server, SHUT_WR);
    const long client = read_to_end(pair.client);
    if (client != static_cast<long>(pair.to_client))
        return "the client has read " + std::to_string(client) + " of " + std::to_string(pair.to_client);
    return "right";
}

} // namespace

int main(int argc, char** argv) {
    constexpr int k_arguments = 5;
    if (argc != k_arguments)
        return 2;
    sigset_t set{};
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    const AppendLog log(argv[2]);
    const std::string kind = argv[1];
    const Connection pair =
        make(kind, std::strcmp(argv[3], "6") == 0 ? AF_INET6 : AF_INET, static_cast<std::uint16_t>(std::atoi(argv[4])));
    log.line("ready");
    int signal = 0;
    ::sigwait(&set, &signal);
    log.line(found(pair, kind));
    for (;;)
        ::pause();
}
