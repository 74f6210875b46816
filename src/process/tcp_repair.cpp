// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/tcp_repair.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/open_files.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <string>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cedana {

namespace {

bool is_in_repair(int socket) {
    int mode = 0;
    socklen_t size = sizeof mode;
    return ::getsockopt(socket, IPPROTO_TCP, TCP_REPAIR, &mode, &size) == 0 && mode != 0;
}

} // namespace

std::size_t end_tcp_repair(const Procfs& procfs, const ProcessHandle& process) {
    std::size_t ended = 0;
    for (const std::string& name : procfs.names(process.pid(), "fd")) {
        std::int64_t number = 0;
        const auto target = procfs.link(process.pid(), ("fd/" + name).c_str());
        if (!target || !inode_of(*target, "socket") || !parse_number(name, number))
            continue;
        // Through the pidfd: whatever has the pid by now, the descriptor is this process's.
        const UniqueFd socket = copy_descriptor(process.pidfd(), static_cast<int>(number));
        constexpr int k_off = 0;
        if (socket && is_in_repair(socket.get()) &&
            ::setsockopt(socket.get(), IPPROTO_TCP, TCP_REPAIR, &k_off, sizeof k_off) == 0)
            ++ended;
    }
    return ended;
}

} // namespace cedana
