// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/text.hpp"
#include "cedana/facts/attributes.hpp"
#include "cedana/facts/losses.hpp"
#include "cedana/facts/refusal.hpp"

#include <set>
#include <string>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/wait.h>

#include "bound_path.hpp"

namespace cedana {

// criu/cr-restore.c, restore_one_zombie(): seven bits of the status are kept, and no core dump is made anew.
std::vector<std::string> find_lost_ends(const ProcessTree& tree) {
    constexpr int k_kept = 0x7f;
    std::vector<std::string> losses;
    for (const TreeProcess& process : tree.processes) {
        const int status = process.stat.exit_status;
        if (!process.stat.is_zombie() || !WIFEXITED(status) || WEXITSTATUS(status) <= k_kept)
            continue;
        losses.push_back(fmt::format("the exit status {} with which {} has ended and that nobody has asked for: it "
                                     "is {} then",
                                     WEXITSTATUS(status), described(process.stat), WEXITSTATUS(status) & k_kept));
    }
    return losses;
}

// criu/pstree.c, prepare_pstree_ids(): a child of the root in a session that neither of them leads is made by a helper,
// which ends, so that the child comes to whom orphans go to: to the root only where that is the first process of its
// pid namespace. PR_SET_CHILD_SUBREAPER is set later (criu/pie/restorer.c).
std::vector<std::string> find_lost_children(const ProcessTree& tree) {
    const TreeProcess& root = tree.root();
    std::vector<std::string> losses;
    if (innermost_pid(root) == 1)
        return losses;
    for (const TreeProcess& process : tree.processes) {
        const ProcessStat& stat = process.stat;
        if (stat.parent == root.stat.pid && stat.session != root.stat.session && stat.session != stat.pid)
            losses.push_back(fmt::format("{} as a child of {}, since it is in a session that neither of them leads: it "
                                         "is outside of the tree then",
                                         described(stat), described(root.stat)));
    }
    return losses;
}

// A path of a process with a root of its own (chroot(2)) begins there; CRIU binds the socket before it gives the
// process its root (criu/sk-unix.c, bind_unix_sk()).
std::vector<std::string> find_lost_places(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<std::string> losses;
    std::set<std::string> known;
    for (const Holdings& one : tree) {
        const std::string root = procfs.link(one.process.pid(), "root").value_or("/");
        for (const OpenFile& file : one.open) {
            if (root == "/" || !inode_of(file.target, "socket") || !known.insert(file.target).second)
                continue;
            const UniqueFd socket = copy_descriptor(one.process.handle.pidfd(), file.fd);
            const std::string path = socket ? bound_path(socket) : std::string();
            if (path.starts_with('/') && present_place(socket) == root + path)
                losses.push_back(fmt::format("the unix socket {} of {} (descriptor {}) at its place below the root of "
                                             "that (chroot, {}): it is at {} outside of it then",
                                             printable(path), described(one.process.stat), file.fd, printable(root),
                                             printable(path)));
        }
    }
    return losses;
}

} // namespace cedana
