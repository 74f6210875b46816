// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/unix_socket.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"

#include <array>
#include <cstring>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/un.h>

namespace cedana {

namespace {

// A message of some bytes with room for one descriptor.
class Message {
  public:
    Message(char* bytes, std::size_t size) : part_{.iov_base = bytes, .iov_len = size} {
        header_.msg_iov = &part_;
        header_.msg_iovlen = 1;
        header_.msg_control = control_.data();
        header_.msg_controllen = control_.size();
    }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

    [[nodiscard]] msghdr& header() { return header_; }

    void put(int fd) {
        if (fd < 0) {
            header_.msg_controllen = 0;
            return;
        }
        cmsghdr* const beside = CMSG_FIRSTHDR(&header_);
        beside->cmsg_level = SOL_SOCKET;
        beside->cmsg_type = SCM_RIGHTS;
        beside->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(beside), &fd, sizeof fd);
    }
    [[nodiscard]] UniqueFd take() const {
        const cmsghdr* const beside = CMSG_FIRSTHDR(&header_);
        int fd = -1;
        if (beside != nullptr && beside->cmsg_level == SOL_SOCKET && beside->cmsg_type == SCM_RIGHTS)
            std::memcpy(&fd, CMSG_DATA(beside), sizeof fd);
        return UniqueFd(fd);
    }

  private:
    iovec part_;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control_{};
    msghdr header_{};
};

sockaddr_un address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path)
        throw Error(Fault::internal, fmt::format("the socket path {} is too long", path.string()));
    std::strcpy(address.sun_path, path.c_str());
    return address;
}

} // namespace

std::pair<UniqueFd, UniqueFd> make_socket_pair(int type) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw OsFailure().error("cannot make a pair of sockets");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd listen_unix(const std::filesystem::path& path) {
    const sockaddr_un address = address_of(path);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd.get(), 8) != 0)
        throw OsFailure().error("cannot listen on {}", path.string());
    return fd;
}

UniqueFd connect_unix(const std::filesystem::path& path) {
    const sockaddr_un address = address_of(path);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::fcntl(fd.get(), F_SETFL, 0) != 0)
        throw OsFailure(Fault::environment).error("cannot connect to {}", path.string());
    return fd;
}

std::optional<UniqueFd> peer_of(int connection) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        throw OsFailure().error("cannot ask who has connected");
    return peer.pid > 0 ? open_pidfd(peer.pid) : std::nullopt;
}

ssize_t send_with_fd(int socket, std::string_view bytes, int passed) {
    // The same structure serves for both directions; sending does not write to it.
    Message message(const_cast<char*>(bytes.data()), bytes.size());
    message.put(passed);
    return ::sendmsg(socket, &message.header(), MSG_NOSIGNAL);
}

ssize_t receive_with_fd(int socket, std::span<char> bytes, UniqueFd& passed, int flags) {
    Message message(bytes.data(), bytes.size());
    const ssize_t count = ::recvmsg(socket, &message.header(), flags | MSG_CMSG_CLOEXEC);
    if (count >= 0)
        passed = message.take();
    return count;
}

} // namespace cedana
