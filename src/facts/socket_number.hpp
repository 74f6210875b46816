// SPDX-License-Identifier: Apache-2.0
// The options of a socket that are numbers (socket(7)).
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <sys/socket.h>

namespace cedana {

// Of level SOL_SOCKET; -1: it has no such option, or is no socket.
[[nodiscard]] inline int socket_number(const UniqueFd& socket, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket.get(), SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

} // namespace cedana
