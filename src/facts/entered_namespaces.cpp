// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/entered_namespaces.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/mounts.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// A peer group from which one of the mounts gets others, and of which none of them is.
bool have_master_outside(const std::vector<Mount>& mounts) {
    std::set<int> groups;
    for (const Mount& mount : mounts)
        groups.insert(mount.shared);
    return std::ranges::any_of(mounts,
                               [&](const Mount& mount) { return mount.master != 0 && !groups.contains(mount.master); });
}

} // namespace

std::vector<std::string> entered_namespaces(const Procfs& procfs, const Holdings& root, const Namespaces& own) {
    const Namespaces& its = root.namespaces;
    if (!differ(its, own, "mnt") || differ(its, own, "pid") || differ(its, own, "user") ||
        !have_master_outside(parse_mounts(procfs.read(root.process.pid(), "mountinfo").value_or(""))))
        return {};
    std::vector<std::string> kinds;
    // That of mounts last: what leads to the others would not be there any more.
    if (differ(its, own, "uts"))
        kinds.emplace_back("uts");
    kinds.emplace_back("mnt");
    return kinds;
}

Namespaces namespaces_of_criu(const Namespaces& own, const Namespaces& root, const std::vector<std::string>& entered) {
    Namespaces criu = own;
    for (const std::string& kind : entered)
        criu.take(kind, root);
    return criu;
}

std::vector<UniqueFd> open_namespaces(const Procfs& procfs, const ProcessHandle& process,
                                      const std::vector<std::string>& kinds) {
    std::vector<UniqueFd> opened;
    for (const std::string& kind : kinds) {
        UniqueFd one = procfs.open(process.pid(), ("ns/" + kind).c_str());
        // Alive by now, it was alive when they were opened.
        if (!one || !process.alive())
            throw Error(Fault::no_process, fmt::format("process {} has ended", process.pid()));
        opened.push_back(std::move(one));
    }
    return opened;
}

} // namespace cedana
