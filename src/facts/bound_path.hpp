// SPDX-License-Identifier: Apache-2.0
// The path of a unix socket: that by which it was bound, and where its file is now.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/process/procfs.hpp"

#include <cstddef>
#include <string>

#include <spdlog/fmt/fmt.h>

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace cedana {

// What a unix socket is bound to; empty: nothing, or an abstract name.
[[nodiscard]] inline std::string bound_path(const UniqueFd& socket) {
    // The kernel may end a path of full length by a byte more (unix(7), BUGS).
    struct {
        sockaddr_un address;
        char more[8];
    } place{};
    socklen_t size = sizeof place;
    if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&place), &size) != 0 ||
        place.address.sun_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path))
        return {};
    const std::string bytes(reinterpret_cast<const char*>(&place) + offsetof(sockaddr_un, sun_path),
                            size - offsetof(sockaddr_un, sun_path));
    return bytes.substr(0, bytes.find('\0'));
}

// Where the file of the socket is by now; empty where the kernel does not tell.
[[nodiscard]] inline std::string present_place(const UniqueFd& socket) {
    // SIOCUNIXFILE of linux/un.h, which cannot be included beside sys/un.h.
    constexpr unsigned long k_unix_file = 0x89e0;
    const UniqueFd file(::ioctl(socket.get(), k_unix_file));
    if (!file)
        return {};
    return Procfs().link(::getpid(), fmt::format("fd/{}", file.get()).c_str()).value_or("");
}

} // namespace cedana
