// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/host/taken_names.hpp"
#include "cedana/process/file_locks.hpp"
#include "cedana/process/socket_holders.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <unistd.h>

#include "living_holder.hpp"

namespace cedana {

namespace {

using Holders = std::vector<FileHolder>;

std::string_view name_of(criu::LockKind kind) {
    switch (kind) {
    case criu::LockKind::posix:
        return "POSIX lock";
    case criu::LockKind::flock:
        return "lock (flock)";
    case criu::LockKind::ofd:
        return "open file description lock";
    case criu::LockKind::lease:
        break;
    }
    return "lease";
}

// POSIX and OFD locks are of one kind to each other, flock's and leases are not (fs/locks.c).
bool are_of_one_kind(HeldLockKind held, criu::LockKind wanted) {
    switch (wanted) {
    case criu::LockKind::posix:
    case criu::LockKind::ofd:
        return held == HeldLockKind::posix || held == HeldLockKind::ofd;
    case criu::LockKind::flock:
        return held == HeldLockKind::flock;
    case criu::LockKind::lease:
        break;
    }
    return held == HeldLockKind::lease;
}

bool conflict(const HeldLock& held, const criu::DumpedLock& wanted) {
    if (!are_of_one_kind(held.kind, wanted.kind) || (!held.is_exclusive && !wanted.is_exclusive))
        return false;
    if (wanted.kind == criu::LockKind::flock || wanted.kind == criu::LockKind::lease)
        return true;
    const std::uint64_t last = wanted.length == 0 ? k_end_of_file : wanted.start + wanted.length - 1;
    return held.first <= last && wanted.start <= held.last;
}

// A lease is given only where nobody else has the file open (a read lease: for writing; fcntl(2), F_SETLEASE).
bool keeps_from_lease(const FileHolder& holder, const criu::DumpedLock& wanted) {
    return wanted.kind == criu::LockKind::lease && (wanted.is_exclusive || holder.writes);
}

bool is_in_the_way(const FileHolder& holder, const criu::DumpedLock& wanted) {
    return keeps_from_lease(holder, wanted) ||
           std::ranges::any_of(holder.locks, [&](const HeldLock& held) { return conflict(held, wanted); });
}

HeldLock as_held(const criu::DumpedLock& wanted) {
    HeldLock lock{.kind = wanted.kind == criu::LockKind::flock   ? HeldLockKind::flock
                          : wanted.kind == criu::LockKind::lease ? HeldLockKind::lease
                                                                 : HeldLockKind::posix,
                  .is_exclusive = wanted.is_exclusive};
    if (lock.kind == HeldLockKind::posix) {
        lock.first = wanted.start;
        lock.last = wanted.length == 0 ? k_end_of_file : wanted.start + wanted.length - 1;
    }
    return lock;
}

class LockSearch {
  public:
    explicit LockSearch(const Procfs& procfs) : procfs_(procfs), held_(held_locks()) {}

    // The processes that have a lock on the file that conflicts.
    std::vector<SocketHolder> holders(const std::string& path, const FileId& file, const criu::DumpedLock& wanted) {
        std::vector<SocketHolder> found;
        if (wanted.kind != criu::LockKind::lease && !is_listed(file, wanted)) {
            if (!has_lease(file) && is_locked_unseen(path, as_held(wanted)))
                found.emplace_back();
            return found;
        }
        for (const FileHolder& holder : holders_of(file))
            if (holder.pid != ::getpid() && is_in_the_way(holder, wanted))
                found.push_back({.pid = holder.pid});
        // Through a descriptor that no process has, or one of a process that cannot be seen.
        if (found.empty())
            for (const HeldLock& held : held_)
                if (held.file == file && conflict(held, wanted))
                    found.push_back({.pid = std::max(held.pid, 0)});
        return found;
    }

  private:
    // Compares the inode alone: some file systems make up a device of their own for stat(2).
    [[nodiscard]] bool is_listed(const FileId& file, const criu::DumpedLock& wanted) const {
        return std::ranges::any_of(
            held_, [&](const HeldLock& held) { return held.file.inode == file.inode && conflict(held, wanted); });
    }
    // Whoever opens it would break that.
    [[nodiscard]] bool has_lease(const FileId& file) const {
        return std::ranges::any_of(held_, [&](const HeldLock& held) {
            return held.kind == HeldLockKind::lease && held.file.inode == file.inode;
        });
    }
    const Holders& holders_of(const FileId& file) {
        auto known = known_.find(file);
        if (known == known_.end())
            known = known_.emplace(file, holders_of_file(procfs_, file)).first;
        return known->second;
    }

    const Procfs& procfs_;
    std::vector<HeldLock> held_;
    std::map<FileId, Holders> known_;
};

std::optional<Error> taken_lock(const Procfs& procfs, LockSearch& search, const NeededLock& needed,
                                const std::set<pid_t>& leaving) {
    struct ::stat info {};
    if (::stat(needed.path.c_str(), &info) != 0)
        return std::nullopt;
    const auto holder = living_holder(search.holders(needed.path, file_id(info), needed.lock), leaving);
    if (!holder)
        return std::nullopt;
    return Error(Fault::restore_failed,
                 fmt::format("its {} on {} cannot come back: {} has the file {}", name_of(needed.lock.kind),
                             printable(needed.path), holder->described(procfs),
                             needed.lock.kind == criu::LockKind::lease ? "open" : "locked"))
        .hint(holder->pid != 0 ? hint_to_end(*holder)
                               : std::string("look for it in other containers (lsns), and on other hosts that have the "
                                             "same file system: what is locked there does not come back here"));
}

} // namespace

std::vector<Error> taken_locks(const Procfs& procfs, const RestoreNeeds& needs, const std::set<pid_t>& leaving) {
    std::vector<Error> refused;
    if (needs.own_mounts || needs.locks.empty())
        return refused;
    try {
        LockSearch search(procfs);
        std::set<std::string> reported;
        for (const NeededLock& needed : needs.locks)
            if (auto error = taken_lock(procfs, search, needed, leaving); error && reported.insert(needed.path).second)
                refused.push_back(std::move(*error));
    } catch (const Error& error) {
        spdlog::warn("who holds locks on files could not be seen: {}", error.message());
    }
    return refused;
}

} // namespace cedana
