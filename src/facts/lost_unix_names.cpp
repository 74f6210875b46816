// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/facts/losses.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

// unix(7): what accept(2) gives has the address of the listener. CRIU joins both ends as a pair without names
// (criu/sk-unix.c).
std::vector<std::string> find_lost_names(const TreeSockets& sockets) {
    if (!sockets.unix_ones)
        return {};
    std::set<std::string> listened;
    for (const auto& [inode, socket] : *sockets.unix_ones)
        if (socket.listens && !socket.name.empty())
            listened.insert(socket.name);
    std::map<std::pair<pid_t, std::string>, std::pair<const TreeProcess*, std::size_t>> accepted;
    for (const auto& [inode, owner] : sockets.owners) {
        const auto socket = sockets.unix_ones->find(inode);
        if (socket == sockets.unix_ones->end() || socket->second.listens || socket->second.peer == 0 ||
            !listened.contains(socket->second.name))
            continue;
        auto& [process, count] = accepted[{owner->process.pid(), socket->second.name}];
        process = &owner->process;
        ++count;
    }
    std::vector<std::string> losses;
    for (const auto& [key, one] : accepted)
        losses.push_back(fmt::format("the name {} that connections of {} have from the listener (getsockname, "
                                     "getpeername; {} at the dump)",
                                     printable(key.second), described(one.first->stat), one.second));
    return losses;
}

} // namespace cedana
