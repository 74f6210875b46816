// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/cli/facts_text.hpp"

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>

namespace cedana {

namespace {

std::string peer_of(const RecordedFacts& facts, const RecordedSocket& socket) {
    if (!socket.remote.empty())
        return printable(socket.remote);
    if (!socket.peer_outside.empty())
        return printable(socket.peer_outside);
    return socket.peer == 0 ? std::string() : holders_of(facts, socket.peer);
}

} // namespace

std::string access_of(unsigned flags) {
    const unsigned mode = flags & O_ACCMODE;
    const std::string access = mode == O_RDWR ? "rw" : mode == O_WRONLY ? "w" : "r";
    return (flags & O_APPEND) != 0 ? access + "a" : access;
}

std::string remark_on(const RecordedDescriptor& open) {
    std::vector<std::string> remarks;
    if (open.names == 0U)
        remarks.emplace_back("deleted");
    else if (open.names.value_or(1) > 1)
        remarks.push_back(fmt::format("has {} names", *open.names));
    for (const std::string& lock : open.locks)
        remarks.push_back(fmt::format("locked ({})", printable(lock)));
    if (open.watches != 0)
        remarks.push_back(fmt::format("{} watches", open.watches));
    return fmt::format("{}", fmt::join(remarks, ", "));
}

std::string holders_of(const RecordedFacts& facts, std::uint64_t inode) {
    const std::string target = fmt::format("socket:[{}]", inode);
    std::vector<std::string> holders;
    for (const RecordedProcess& process : facts.processes)
        for (const RecordedDescriptor& open : process.descriptors)
            if (open.kind == OpenKind::socket && open.target == target)
                holders.push_back(fmt::format("{}:{}", process.pid, open.fd));
    return fmt::format("{}", fmt::join(holders, ", "));
}

Table open_table(const RecordedFacts& facts) {
    Table table({{.title = "PID", .align = Align::right},
                 {.title = "FD", .align = Align::right},
                 {.title = "KIND", .rank = 3},
                 {.title = "MODE", .rank = 4},
                 {.title = "POSITION", .align = Align::right, .rank = 2},
                 {.title = "WHAT", .elastic = true, .keep = Keep::end},
                 {.title = "", .rank = 1}});
    for (const RecordedProcess& process : facts.processes)
        for (const RecordedDescriptor& open : process.descriptors)
            table.add({std::to_string(process.pid), std::to_string(open.fd), std::string(name_of(open.kind)),
                       access_of(open.flags), open.kind == OpenKind::file ? std::to_string(open.position) : "",
                       printable(open.target), remark_on(open)});
    return table;
}

Table socket_table(const RecordedFacts& facts) {
    Table table({{.title = "KIND"},
                 {.title = "STATE"},
                 {.title = "LOCAL"},
                 {.title = "PEER", .elastic = true},
                 {.title = "HELD BY", .rank = 1}});
    for (const RecordedSocket& socket : facts.sockets)
        table.add({printable(socket.kind), printable(socket.state), printable(socket.local), peer_of(facts, socket),
                   holders_of(facts, socket.inode)});
    return table;
}

} // namespace cedana
