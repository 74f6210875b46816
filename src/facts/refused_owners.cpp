// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>

namespace cedana {

namespace {

// Such as tell somebody by SIGIO; others are not copied, since to close a copy may mean something to them.
bool may_tell_owner(const OpenFile& file) {
    return inode_of(file.target, "pipe") || inode_of(file.target, "socket") || file.target == "anon_inode:inotify" ||
           file.target.starts_with("/dev/pts/") || file.target == "/dev/ptmx";
}

// The thread that it tells alone (F_SETOWN_EX, fcntl(2)).
std::optional<pid_t> owning_thread(const TreeProcess& process, const OpenFile& file) {
    const UniqueFd copy = copy_descriptor(process.handle.pidfd(), file.fd);
    f_owner_ex owner{};
    if (!copy || ::fcntl(copy.get(), F_GETOWN_EX, &owner) != 0 || owner.type != F_OWNER_TID || owner.pid == 0)
        return std::nullopt;
    return owner.pid;
}

} // namespace

// CRIU opens files before it makes threads, and the kernel knows none of that number then (criu/files.c, restore_fown:
// "Can't setup file owner pid").
std::vector<Refusal> refused_owners(const TreeHoldings& tree) {
    std::set<pid_t> processes;
    for (const Holdings& one : tree)
        processes.insert(one.process.pid());
    std::vector<Refusal> refusals;
    std::set<std::string> known;
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open) {
            if (!may_tell_owner(file) || file.is_place())
                continue;
            const auto thread = owning_thread(one.process, file);
            if (!thread || processes.contains(*thread) || !known.insert(file.target).second)
                continue;
            refusals.push_back({.pid = one.process.pid(),
                                .sentence = fmt::format("{} has a file open (descriptor {}) that tells thread {} alone "
                                                        "by a signal (F_OWNER_TID), which CRIU could not bring back",
                                                        described(one.process.stat), file.fd, *thread),
                                .hint = "let the program name its process in place of the thread (F_OWNER_PID)",
                                .program_can_help = true});
        }
    }
    return refusals;
}

} // namespace cedana
