// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/external_ends.hpp"
#include "cedana/facts/lasts.hpp"
#include "cedana/facts/refusal.hpp"
#include "cedana/process/pseudo_terminal.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "close_hint.hpp"

namespace cedana {

namespace {

bool has_terminal(const Holdings& one, unsigned number) {
    return std::ranges::any_of(one.open, [&](const OpenFile& file) { return pts_number(file) == number; });
}

// Whether one of those that it descends from is such.
template <typename Claim>
bool ancestor_is(const TreeHoldings& tree, const Holdings& one, Claim&& claim) {
    std::set<pid_t> seen = {one.process.pid()};
    pid_t parent = one.process.stat.parent;
    while (seen.insert(parent).second) {
        const auto found =
            std::ranges::find_if(tree, [&](const Holdings& other) { return other.process.pid() == parent; });
        if (found == tree.end())
            return false;
        if (claim(*found))
            return true;
        parent = found->process.stat.parent;
    }
    return false;
}

bool is_somebodys(const TreeHoldings& tree, unsigned number) {
    return std::ranges::any_of(tree,
                               [&](const Holdings& one) { return pts_number(one.process.stat.terminal) == number; });
}

// How CRIU finds out whose terminal /dev/tty is (criu/tty.c, tty_verify_ctty): it looks for a pseudo terminal whose
// session has it in the foreground, and which the same process has open, first of all in the tree. `stat`: of now.
// Where it cannot be seen from here what CRIU would find, it may be accepted.
bool may_be_accepted(const TreeHoldings& tree, const Holdings& one, const ProcessStat& stat) {
    const auto own = pts_number(stat.terminal);
    return std::ranges::any_of(one.open, [&](const OpenFile& file) {
        const auto number = pts_number(file);
        if (!number)
            return false;
        // Another terminal counts if it is nobody's, and so is what was /dev/tty when it was opened. With a terminal of
        // its own that is the one (drivers/tty/tty_io.c, tty_open_current_tty).
        if (number != own)
            return !own && (!file.master_of || !is_somebodys(tree, *number));
        return stat.foreground_group == stat.session &&
               !ancestor_is(tree, one, [&](const Holdings& other) { return has_terminal(other, *own); });
    });
}

bool is_accepted_now(const Procfs& procfs, const TreeHoldings& tree, const Holdings& one) {
    const auto stat = procfs.stat(one.process.pid());
    return !stat || may_be_accepted(tree, one, *stat);
}

Refusal refusal_of_dev_tty(const TreeHoldings& tree, const Holdings& one, int fd) {
    const ProcessStat& stat = one.process.stat;
    Refusal refusal{
        .pid = stat.pid, .sentence = {}, .hint = k_close_hint, .program_can_help = true, .plugin_can_help = true};
    const std::string beginning =
        fmt::format("{} has /dev/tty open (descriptor {}), and CRIU can dump that only", described(stat), fd);
    const auto own = pts_number(stat.terminal);
    if (!own || !has_terminal(one, *own))
        refusal.sentence = fmt::format("{} of a process that has the terminal itself open too", beginning);
    else if (ancestor_is(tree, one, [&](const Holdings& other) { return has_terminal(other, *own); }))
        refusal.sentence = fmt::format("{} if no other process of its tree has the terminal open before it", beginning);
    else {
        refusal.sentence =
            fmt::format("{} while the terminal is that of the shell, process {}", beginning, stat.session);
        refusal.hint = "suspend it first (Ctrl-Z); after its restore with --foreground, fg goes on with it";
    }
    return refusal;
}

bool is_in(const TreeHoldings& tree, pid_t pid) {
    return std::ranges::any_of(tree, [&](const Holdings& one) { return one.process.pid() == pid; });
}

bool has_master(const TreeHoldings& tree, unsigned number) {
    return std::ranges::any_of(tree, [&](const Holdings& one) {
        return std::ranges::any_of(one.open, [&](const OpenFile& file) { return file.master_of == number; });
    });
}

// A leader that CRIU restores begins a session without a terminal, and a terminal of others is not made its own
// (criu/tty.c, pty_open_unpaired_slave). Then there is no /dev/tty: "Can't open file dev/tty on restore: No such device
// or address".
std::optional<Refusal> refuse_dev_tty_of_leader(const TreeHoldings& tree) {
    for (const Holdings& one : tree) {
        const ProcessStat& stat = one.process.stat;
        const OpenFile* const file = find_dev_tty(one);
        const auto own = pts_number(stat.terminal);
        if (file == nullptr || !own || !is_in(tree, stat.session) || has_master(tree, *own))
            continue;
        const bool is_leader = stat.session == stat.pid;
        return Refusal{.pid = stat.pid,
                       .sentence = fmt::format("{} has /dev/tty open (descriptor {}), and CRIU could not restore that "
                                               "below the leader of its session, process {}",
                                               described(stat), file->fd, stat.session),
                       .hint = is_leader
                                   ? "start it from a shell in that terminal, and suspend it (Ctrl-Z) for the dump"
                                   : fmt::format("suspend it (Ctrl-Z), and dump it alone: -p {}", stat.pid),
                       .program_can_help = true,
                       .plugin_can_help = true,
                       .console_helps = true};
    }
    return std::nullopt;
}

// CRIU looks at the /dev/tty of the first process that has one: a parent comes before its children.
std::optional<Refusal> refuse_dev_tty(const Procfs& procfs, const TreeHoldings& tree, OuterDevTty outer) {
    std::vector<const Holdings*> first;
    for (const Holdings& one : tree)
        if (find_dev_tty(one) != nullptr && !(outer == OuterDevTty::external && has_outer_dev_tty(tree, one)) &&
            !ancestor_is(tree, one, [](const Holdings& other) { return find_dev_tty(other) != nullptr; }))
            first.push_back(&one);
    // A shell whose jobs come and go has the terminal again a moment later.
    if (first.empty() || !lasts([&] {
            return std::ranges::none_of(first,
                                        [&](const Holdings* one) { return is_accepted_now(procfs, tree, *one); });
        }))
        return std::nullopt;
    return refusal_of_dev_tty(tree, *first.front(), find_dev_tty(*first.front())->fd);
}

// criu/tty.c, MAX_PTY_INDEX: "Index 1001 on pts is too big".
std::optional<Refusal> refuse_high_number(const TreeHoldings& tree) {
    constexpr unsigned k_highest = 1000;
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open) {
            const auto number = pts_number(file);
            if (number && *number > k_highest)
                return Refusal{.pid = one.process.pid(),
                               .sentence = fmt::format("{} has the pseudo terminal {} open (descriptor {}), and CRIU "
                                                       "knows those up to number {} only",
                                                       described(one.process.stat), *number, file.fd, k_highest),
                               .hint = "start it in another terminal once there are fewer of them on this host",
                               .program_can_help = true,
                               .plugin_can_help = true};
        }
    }
    return std::nullopt;
}

} // namespace

void drop_helped_by_console(std::vector<Refusal>& refusals) {
    std::erase_if(refusals, [](const Refusal& refusal) { return refusal.console_helps; });
}

std::vector<Refusal> refused_terminal_files(const Procfs& procfs, const TreeHoldings& tree, OuterDevTty outer) {
    std::vector<Refusal> refusals;
    if (auto refusal = refuse_dev_tty_of_leader(tree))
        refusals.push_back(std::move(*refusal));
    else if (auto other = refuse_dev_tty(procfs, tree, outer))
        refusals.push_back(std::move(*other));
    if (auto refusal = refuse_high_number(tree))
        refusals.push_back(std::move(*refusal));
    return refusals;
}

} // namespace cedana
