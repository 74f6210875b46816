// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/descendants.hpp"

#include <vector>

namespace cedana {

// The listener first: a child that is made while the tree is looked at is then in the news, in what is seen, or in
// both.
Descendants::Descendants(const Procfs& procfs, pid_t root) : procfs_(procfs), forks_(ForkListener::open()) {
    members_.emplace(root, 0);
    look();
    update();
}

void Descendants::take_start_time(const ProcessStat& stat) {
    const auto known = members_.find(stat.pid);
    if (known != members_.end() && known->second == 0)
        known->second = stat.start_time;
    else if (known != members_.end() && known->second != stat.start_time)
        members_.erase(known);
}

void Descendants::look() {
    std::multimap<pid_t, ProcessStat> children;
    for (const pid_t pid : procfs_.pids()) {
        auto stat = procfs_.stat(pid);
        if (!stat)
            continue;
        take_start_time(*stat);
        children.emplace(stat->parent, std::move(*stat));
    }
    std::vector<pid_t> parents;
    for (const auto& [pid, start_time] : members_)
        parents.push_back(pid);
    while (!parents.empty()) {
        const auto [first, last] = children.equal_range(parents.back());
        parents.pop_back();
        for (auto child = first; child != last; ++child) {
            const ProcessStat& stat = child->second;
            if (const auto [known, is_new] = members_.insert_or_assign(stat.pid, stat.start_time); is_new)
                parents.push_back(stat.pid);
        }
    }
}

bool Descendants::follow() {
    std::vector<pid_t> parents;
    for (const auto& [pid, start_time] : std::map(members_))
        if (const auto stat = procfs_.stat(pid))
            take_start_time(*stat);
    for (const auto& [pid, start_time] : members_)
        parents.push_back(pid);
    while (!parents.empty()) {
        const pid_t parent = parents.back();
        parents.pop_back();
        const auto children = procfs_.children(parent);
        if (!children && procfs_.stat(parent))
            return false;
        for (const pid_t child : children.value_or(std::vector<pid_t>()))
            if (const auto stat = procfs_.stat(child);
                stat && members_.insert_or_assign(child, stat->start_time).second)
                parents.push_back(child);
    }
    return true;
}

void Descendants::take_forks(std::span<const Fork> forks) {
    for (const Fork& fork : forks) {
        if (members_.contains(fork.parent))
            members_.insert_or_assign(fork.child, 0);
        else
            // Somebody else's child has got the number of a member that has ended.
            members_.erase(fork.child);
    }
}

void Descendants::update(TreeState state) {
    if (forks_)
        take_forks(forks_->take());
    if (may_lack_some() && (state == TreeState::running || !follow()))
        look();
}

bool Descendants::contain(ProcessId process) const {
    const auto known = members_.find(process.pid);
    return known != members_.end() && (known->second == 0 || known->second == process.start_time);
}

} // namespace cedana
