// SPDX-License-Identifier: Apache-2.0
#include "system/network.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/unique_fd.hpp"

#include <array>
#include <random>

#include <spdlog/fmt/fmt.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cedana::testing {

namespace {

// Below those that the kernel gives to whoever asks for none (ip_local_port_range, ip(7)): the connections of others
// never have one of these, neither before a server has it nor while that is away.
constexpr std::uint16_t k_first_port = 20000;
constexpr std::uint16_t k_last_port = 32000;
constexpr int k_port_tries = 1000;

sockaddr_in local_address(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

UniqueFd tcp_socket() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{.tv_sec = 30, .tv_usec = 0};
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
        throw OsFailure().error("cannot make a socket");
    return fd;
}

} // namespace

std::uint16_t free_port() {
    std::random_device random;
    std::uniform_int_distribution<std::uint16_t> ports(k_first_port, k_last_port);
    for (int tries = 0; tries < k_port_tries; ++tries) {
        const UniqueFd fd = tcp_socket();
        const sockaddr_in address = local_address(ports(random));
        if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
            return ntohs(address.sin_port);
    }
    throw OsFailure().error("cannot find a free port");
}

Connection::Connection(std::uint16_t port) : port_(port), fd_(tcp_socket()) {
    const sockaddr_in address = local_address(port);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw OsFailure().error("cannot connect to port {}", port);
}

void Connection::send(const std::string& text) const { write_all(fd_.get(), text, fmt::format("port {}", port_)); }

std::string Connection::receive_until(const std::string& end) const {
    std::string all;
    std::array<char, 4096> buffer;
    while (all.find(end) == std::string::npos) {
        const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (count <= 0)
            throw Error(Fault::internal, fmt::format("port {} sent only: {}", port_, all));
        all.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return all;
}

std::string ask(std::uint16_t port, const std::string& request) {
    const UniqueFd fd = tcp_socket();
    const sockaddr_in address = local_address(port);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw OsFailure().error("cannot connect to port {}", port);
    write_all(fd.get(), request, fmt::format("port {}", port));
    return read_all(fd.get(), fmt::format("port {}", port), 1024UL * 1024);
}

std::string http_get(std::uint16_t port, const std::string& path) {
    return ask(port, fmt::format("GET {} HTTP/1.0\r\nHost: localhost\r\n\r\n", path));
}

} // namespace cedana::testing
