// SPDX-License-Identifier: Apache-2.0
// Unix sockets: pairs, those that listen, and a descriptor that crosses one beside bytes (unix(7), SCM_RIGHTS).
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <sys/socket.h>
#include <sys/types.h>

namespace cedana {

// socketpair(2), CLOEXEC; `type`: SOCK_STREAM or SOCK_SEQPACKET. Throws Error.
[[nodiscard]] std::pair<UniqueFd, UniqueFd> make_socket_pair(int type);

// A listening stream socket at `path`, CLOEXEC. Throws Error; a path longer than sun_path is one.
[[nodiscard]] UniqueFd listen_unix(const std::filesystem::path& path);

// A stream socket, CLOEXEC, connected with what listens at `path` (unix(7)). Throws Error; it waits for nobody: a
// listener that has no room is an error.
[[nodiscard]] UniqueFd connect_unix(const std::filesystem::path& path);

// The pidfd of who has connected (unix(7), SO_PEERCRED); absent: it has ended, or this pid namespace does not have it.
// Throws Error.
[[nodiscard]] std::optional<UniqueFd> peer_of(int connection);

// sendmsg(2), but an EPIPE in place of SIGPIPE. `passed`: -1 for none.
[[nodiscard]] ssize_t send_with_fd(int socket, std::string_view bytes, int passed);

// recvmsg(2). `passed`: what came beside the bytes, CLOEXEC; none otherwise.
[[nodiscard]] ssize_t receive_with_fd(int socket, std::span<char> bytes, UniqueFd& passed, int flags);

} // namespace cedana
