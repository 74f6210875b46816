// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <map>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// As CRIU would make it: a process inherits its session, unless it begins one itself, and may have had children before
// that.
struct Member {
    pid_t pid = 0;
    pid_t session = 0;
    // Null of the root.
    Member* parent = nullptr;
    // The session that it must have been born in; 0: any.
    pid_t born_in = 0;
    bool is_below_helper = false;

    [[nodiscard]] bool leads() const { return session == pid; }
};

// criu/pstree.c, prepare_pstree_ids().
class Sessions {
  public:
    explicit Sessions(const ProcessTree& tree) {
        for (const TreeProcess& process : tree.processes)
            members_[process.stat.pid] = {.pid = process.stat.pid, .session = process.stat.session};
        const pid_t root = tree.root().stat.pid;
        for (const TreeProcess& process : tree.processes)
            if (const auto parent = members_.find(process.stat.parent);
                parent != members_.end() && process.stat.pid != root)
                members_[process.stat.pid].parent = &parent->second;
        for (auto& [pid, member] : members_)
            if (member.parent == &members_[root])
                make_parent_anew(member);
    }

    // Those that CRIU could not give their session.
    [[nodiscard]] std::vector<pid_t> lost() {
        std::vector<pid_t> lost;
        for (auto& [pid, member] : members_) {
            const bool is_simple = member.parent == nullptr || member.leads() || member.is_below_helper ||
                                   member.parent->session == member.session;
            if (!is_simple && !is_born_below_leader(member))
                lost.push_back(pid);
        }
        return lost;
    }

  private:
    // A child of the root may have come to it when its parent ended. CRIU makes one of the session again, below the
    // leader if that is there, which then ends.
    void make_parent_anew(Member& member) {
        if (member.leads() || member.session == member.parent->session)
            return;
        member.is_below_helper = true;
        if (const auto leader = members_.find(member.session); leader != members_.end())
            member.parent = &leader->second;
    }

    [[nodiscard]] static bool is_born_below_leader(const Member& member) {
        Member* above = member.parent;
        for (; above != nullptr && above->pid != member.session; above = above->parent) {
            if (above->born_in != 0 && above->born_in != member.session)
                return false;
            above->born_in = member.session;
        }
        return above != nullptr;
    }

    std::map<pid_t, Member> members_;
};

} // namespace

std::vector<Refusal> refused_sessions(const ProcessTree& tree) {
    std::map<pid_t, const TreeProcess*> processes;
    for (const TreeProcess& process : tree.processes)
        processes.emplace(process.stat.pid, &process);
    std::vector<Refusal> refusals;
    for (const pid_t pid : Sessions(tree).lost()) {
        const TreeProcess& process = *processes[pid];
        // Begun outside of its pid namespace, for which there is a refusal already.
        if (process.stat.session == 0)
            continue;
        refusals.push_back(
            {.pid = pid,
             .sentence = fmt::format("{} belongs to the session {}, whose leader is not above it in the tree since its "
                                     "parent has ended, and CRIU could not bring it back into that",
                                     described(process.stat), process.stat.session),
             .hint = fmt::format("end it first (kill {}), or dump the tree of its parent alone (-p {})", pid,
                                 process.stat.parent)});
    }
    return refusals;
}

} // namespace cedana
