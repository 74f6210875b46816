// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/end_holders.hpp"

#include <algorithm>
#include <string>

namespace cedana {

namespace {

// Before the flags of a descriptor are read, which costs more: nearly none leads to one of the pipes.
bool may_have_some(const Procfs& procfs, pid_t pid, const std::set<std::uint64_t>& inodes) {
    return std::ranges::any_of(procfs.names(pid, "fd"), [&](const std::string& name) {
        const auto inode = inode_of(procfs.link(pid, ("fd/" + name).c_str()).value_or(""), "pipe");
        return inode && inodes.contains(*inode);
    });
}

void add_held(PipeEnds& held, const OpenFile& file, const PipeEnds& wanted) {
    const auto inode = inode_of(file.target, "pipe");
    if (!inode)
        return;
    for (const PipeEnd end : {PipeEnd::read, PipeEnd::write})
        if ((end == PipeEnd::read ? file.readable() : file.writable()) && wanted.contains({*inode, end}))
            held.emplace(*inode, end);
}

} // namespace

bool has_descriptors_in_flight(const TreeHoldings& tree) {
    return std::ranges::any_of(tree, [](const Holdings& one) {
        return std::ranges::any_of(one.open, [](const OpenFile& file) { return file.in_flight != 0; });
    });
}

PipeEnds held_outside(const Procfs& procfs, const TreeHoldings& tree, const PipeEnds& wanted) {
    std::set<pid_t> inside;
    for (const Holdings& one : tree)
        inside.insert(one.process.pid());
    std::set<std::uint64_t> inodes;
    for (const auto& [inode, end] : wanted)
        inodes.insert(inode);
    PipeEnds held;
    if (wanted.empty())
        return held;
    for (const pid_t pid : procfs.pids()) {
        if (inside.contains(pid) || !may_have_some(procfs, pid, inodes))
            continue;
        for (const OpenFile& file : open_files(procfs, pid))
            add_held(held, file, wanted);
        if (held == wanted)
            break;
    }
    return held;
}

} // namespace cedana
