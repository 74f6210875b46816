// SPDX-License-Identifier: Apache-2.0
// CRIU's side of the image-streamer protocol, for tests.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/base/unix_socket.hpp"

#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace cedana::test {

class StreamerPeer {
  public:
    // Ignores SIGPIPE from here on, as the program (and CRIU) does.
    explicit StreamerPeer(const std::filesystem::path& socket) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        std::signal(SIGPIPE, SIG_IGN);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
        connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }

    [[nodiscard]] bool connected() const { return connected_; }

    void request(const std::string& name) const {
        std::string body = {'\x0a', static_cast<char>(name.size())};
        body += name;
        send_bytes(framed(body));
    }
    void send_bytes(const std::string& bytes) const {
        [[maybe_unused]] const auto count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    // The end of the pipe that stays here: the write end at capture, the read end at serve.
    [[nodiscard]] UniqueFd keep_write_end() const {
        Pipe pipe = make_pipe();
        send_fd(pipe.read_end.get());
        return std::move(pipe.write_end);
    }
    [[nodiscard]] UniqueFd keep_read_end() const {
        Pipe pipe = make_pipe();
        send_fd(pipe.write_end.get());
        return std::move(pipe.read_end);
    }
    [[nodiscard]] std::string reply() const {
        std::array<char, 64> buffer{};
        const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        return {buffer.data(), static_cast<std::size_t>(count > 0 ? count : 0)};
    }
    void disconnect() { fd_.reset(); }

    [[nodiscard]] static std::string framed(const std::string& body) {
        const auto length = static_cast<std::uint32_t>(body.size());
        std::string message(sizeof length, '\0');
        std::memcpy(message.data(), &length, sizeof length);
        return message + body;
    }

  private:
    void send_fd(int passed) const {
        [[maybe_unused]] const auto count = send_with_fd(fd_.get(), std::string_view("\0", 1), passed);
    }

    UniqueFd fd_;
    bool connected_ = false;
};

} // namespace cedana::test
