// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "close_hint.hpp"

namespace cedana {

namespace {

constexpr const char* k_epoll = "anon_inode:[eventpoll]";

bool leads_to(const OpenFile& file, const EpollTarget& target) {
    return file.info && file.info->st_ino == target.inode;
}

// kcmp(2): 0 if they are the same, negative if the kernel does not say.
long compare_with_target(pid_t pid, int fd, int epoll, const EpollTarget& target, std::uint32_t place) {
    kcmp_epoll_slot slot{
        .efd = static_cast<std::uint32_t>(epoll), .tfd = static_cast<std::uint32_t>(target.fd), .toff = place};
    return ::syscall(SYS_kcmp, pid, pid, KCMP_EPOLL_TFD, static_cast<unsigned long>(fd), &slot);
}

bool is_same_file(pid_t one, int fd, pid_t other, int other_fd) {
    return ::syscall(SYS_kcmp, one, other, KCMP_FILE, static_cast<unsigned long>(fd),
                     static_cast<unsigned long>(other_fd)) == 0;
}

// Whether the process has it open by any number.
bool has_target(const Holdings& one, const OpenFile& epoll, std::size_t at) {
    const EpollTarget& target = epoll.epoll_targets[at];
    const auto by_number = std::ranges::find_if(one.open, [&](const OpenFile& file) { return file.fd == target.fd; });
    if (by_number != one.open.end() && leads_to(*by_number, target))
        return true;
    // Several may have been added by one number, each after the one before it was closed (kernel/kcmp.c).
    const auto place = static_cast<std::uint32_t>(
        std::count_if(epoll.epoll_targets.begin(), epoll.epoll_targets.begin() + static_cast<std::ptrdiff_t>(at),
                      [&](const EpollTarget& before) { return before.fd == target.fd; }));
    return std::ranges::any_of(one.open, [&](const OpenFile& file) {
        return leads_to(file, target) && compare_with_target(one.process.pid(), file.fd, epoll.fd, target, place) <= 0;
    });
}

void add_with_descendants(std::vector<const Holdings*>& order, const TreeHoldings& tree, const Holdings& one) {
    order.push_back(&one);
    std::vector<const Holdings*> children;
    for (const Holdings& other : tree)
        if (&other != &one && other.process.stat.parent == one.process.pid())
            children.push_back(&other);
    std::ranges::stable_sort(children, {}, [](const Holdings* child) { return child->process.stat.start_time; });
    for (const Holdings* const child : children)
        add_with_descendants(order, tree, *child);
}

// A file that several have open is dumped with the first (criu/pstree.c: a parent, then each child with all of its
// own), and CRIU looks for what an epoll instance waits for in that process alone (criu/eventpoll.c,
// flush_eventpoll_dinfo_queue), which fails without a word.
bool is_dumped_with(const std::vector<const Holdings*>& before, const Holdings& one, const OpenFile& epoll) {
    return std::ranges::none_of(before, [&](const Holdings* other) {
        return std::ranges::any_of(other->open, [&](const OpenFile& file) {
            return file.target == k_epoll && is_same_file(other->process.pid(), file.fd, one.process.pid(), epoll.fd);
        });
    });
}

std::optional<Refusal> refuse_epoll(const std::vector<const Holdings*>& before, const Holdings& one,
                                    const OpenFile& epoll) {
    for (std::size_t at = 0; at < epoll.epoll_targets.size(); ++at) {
        if (has_target(one, epoll, at))
            continue;
        if (!is_dumped_with(before, one, epoll))
            return std::nullopt;
        return Refusal{.pid = one.process.pid(),
                       .sentence = fmt::format("{} waits by epoll (descriptor {}) for something that it has closed "
                                               "itself and that another process has open still (it was number {}), "
                                               "which CRIU cannot dump",
                                               described(one.process.stat), epoll.fd, epoll.epoll_targets[at].fd),
                       .hint = "let the program take it out of epoll (EPOLL_CTL_DEL) before it closes it, or keep it "
                               "open",
                       .program_can_help = true};
    }
    return std::nullopt;
}

} // namespace

std::vector<Refusal> refused_epolls(const TreeHoldings& tree) {
    std::vector<Refusal> refusals;
    const auto has_some = [](const Holdings& one) {
        return std::ranges::any_of(one.open, [](const OpenFile& file) { return !file.epoll_targets.empty(); });
    };
    if (std::ranges::none_of(tree, has_some))
        return refusals;
    std::vector<const Holdings*> order;
    add_with_descendants(order, tree, tree.front());
    std::vector<const Holdings*> before;
    for (const Holdings* const one : order) {
        for (const OpenFile& file : one->open)
            if (auto refusal = refuse_epoll(before, *one, file))
                refusals.push_back(std::move(*refusal));
        before.push_back(one);
    }
    return refusals;
}

} // namespace cedana
