// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/facts/lasts.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace cedana {

namespace {

// A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF", and who waits for it behind it:
// "1: -> FLOCK  ADVISORY  WRITE 360 00:13:11691 0 EOF" (fs/locks.c, lock_get_status).
struct LockLine {
    std::string number;
    bool waits = false;
    pid_t pid = 0;
    std::uint64_t inode = 0;
};

std::optional<LockLine> parse_lock(std::string_view line) {
    std::vector<std::string> words;
    for (std::string& word : split(line, ' '))
        if (!word.empty())
            words.push_back(std::move(word));
    LockLine lock{.number = words.empty() ? std::string() : words.front()};
    lock.waits = words.size() > 1 && words[1] == "->";
    const std::size_t pid_at = lock.waits ? 5 : 4;
    std::int64_t pid = 0;
    std::int64_t inode = 0;
    if (words.size() <= pid_at + 1 || !parse_number(words[pid_at], pid))
        return std::nullopt;
    const std::string& file = words[pid_at + 1];
    if (!parse_number(file.substr(file.rfind(':') + 1), inode))
        return std::nullopt;
    lock.pid = static_cast<pid_t>(pid);
    lock.inode = static_cast<std::uint64_t>(inode);
    return lock;
}

struct AwaitedLock {
    const TreeProcess* holder = nullptr;
    std::string path;
    pid_t waiting = 0;
};

// Locks of open files are listed without a pid, or under one of who has opened it and may be gone: then it is the
// tree's if one of its processes holds one on that file.
std::optional<AwaitedLock> find_awaited(const Procfs& procfs, const TreeHoldings& tree) {
    const auto is_in_tree = [&](pid_t pid) {
        return std::ranges::any_of(tree, [&](const Holdings& one) { return one.process.pid() == pid; });
    };
    std::optional<LockLine> held;
    for (const std::string& text : split(procfs.read("locks").value_or(""), '\n')) {
        const auto line = parse_lock(text);
        if (!line)
            continue;
        if (!line->waits) {
            held = line;
            continue;
        }
        const bool by_another =
            held && held->number == line->number && !is_in_tree(held->pid) && held->pid > 0 && procfs.stat(held->pid);
        if (!held || by_another || line->pid <= 0 || is_in_tree(line->pid))
            continue;
        for (const Holdings& one : tree)
            for (const OpenFile& file : one.open)
                if (!file.locks.empty() && file.info && file.info->st_ino == line->inode)
                    return AwaitedLock{.holder = &one.process, .path = file.target, .waiting = line->pid};
    }
    return std::nullopt;
}

} // namespace

std::vector<Refusal> refused_locks(const Procfs& procfs, const TreeHoldings& tree) {
    const auto holds_some = [](const Holdings& one) {
        return std::ranges::any_of(one.open, [](const OpenFile& file) { return !file.locks.empty(); });
    };
    std::optional<AwaitedLock> awaited;
    // A lock that is handed on from one to the next is waited for all the time, each time for a moment.
    if (std::ranges::none_of(tree, holds_some) ||
        !lasts([&] { return (awaited = find_awaited(procfs, tree)).has_value(); }))
        return {};
    const auto waiting = procfs.stat(awaited->waiting);
    const std::string who = waiting ? described(*waiting) : fmt::format("process {}", awaited->waiting);
    return {
        {.pid = awaited->holder->pid(),
         .sentence = fmt::format("{} holds a lock on {} for which {} waits, which is not part of its tree: that one "
                                 "would get it as soon as the tree ends, and a restore would wait for ever",
                                 described(awaited->holder->stat), printable(awaited->path), who),
         .hint = fmt::format("end process {} first, or dump both under a common parent", awaited->waiting),
         .program_can_help = true}};
}

} // namespace cedana
