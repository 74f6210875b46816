// SPDX-License-Identifier: Apache-2.0
// Who has a name that only one can have: the file of a unix socket, an abstract name, a port. Looking connects to none
// of them.
#pragma once

#include "cedana/process/inet_sockets.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

// A process that has the socket open; 0 if there is none that can be seen from here.
struct SocketHolder {
    pid_t pid = 0;

    // "process 4242 (nginx)", "a process that cannot be seen from here"
    [[nodiscard]] std::string described(const Procfs& procfs) const;
};

// Who is bound to the file that this path leads to, in whichever network namespace, one a socket. Empty: nobody; what
// lies there is nobody's any more. Of other network namespaces only those are found whose process can be seen.
[[nodiscard]] std::vector<SocketHolder> holders_of_path(const Procfs& procfs, const std::string& path);

// Of an abstract name ("@name") in cedana's network namespace.
[[nodiscard]] std::vector<SocketHolder> holders_of_abstract(const Procfs& procfs, int type, const std::string& name);

// Of TCP and UDP sockets of cedana's network namespace, one a socket.
[[nodiscard]] std::vector<SocketHolder> holders_of_inet(const Procfs& procfs,
                                                        const std::function<bool(const InetSocket&)>& is_meant);

// The same of those that are bound, and neither listen nor are connected: no table of /proc has them, so each socket of
// every process is asked for its name.
[[nodiscard]] std::vector<SocketHolder> holders_of_bound(const Procfs& procfs,
                                                         const std::function<bool(const InetSocket&)>& is_meant);

} // namespace cedana
