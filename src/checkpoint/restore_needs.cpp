// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/restore_needs.hpp"

#include "cedana/checkpoint/small_images.hpp"
#include "cedana/criu/memory_map.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/mman.h>

namespace cedana {

namespace {

using Descriptors = std::map<int, std::uint64_t>;

class NeedsReading {
  public:
    explicit NeedsReading(const Checkpoint& checkpoint) : images_(checkpoint) {}

    RestoreNeeds run() {
        if (const auto image = images_.read("pstree.img"))
            needs_.tree = criu::parse_tree(*image);
        if (const auto image = images_.read("files.img"))
            table_ = criu::parse_file_table(*image);
        find_namespaces();
        find_remaps();
        for (const criu::DumpedProcess& process : needs_.tree)
            take_process(process);
        find_locks();
        needs_.inet = std::move(table_.inet);
        needs_.unix_ones = std::move(table_.unix_ones);
        for (auto& [number, file] : table_.files)
            if (!remapped_.contains(number))
                needs_.files.push_back(std::move(file));
        return std::move(needs_);
    }

  private:
    [[nodiscard]] std::optional<criu::KernelIds> ids_of(pid_t pid) {
        const auto image = images_.read(fmt::format("ids-{}.img", pid));
        return image ? std::optional(criu::parse_ids(*image)) : std::nullopt;
    }

    void find_namespaces() {
        if (needs_.tree.empty())
            return;
        const auto root = ids_of(needs_.tree.front().pid);
        const auto inventory = images_.read("inventory.img");
        if (!root || !inventory)
            return;
        const criu::KernelIds host = criu::parse_host_ids(*inventory);
        needs_.own_network = root->network != host.network;
        needs_.own_mounts = root->mounts != host.mounts;
    }

    // Neither its old name nor the one that it has until then is that of a file to be opened.
    void find_remaps() {
        const auto image = images_.read("remap-fpath.img");
        if (!image)
            return;
        for (const criu::Remap& remap : criu::parse_remaps(*image)) {
            remapped_.insert(remap.file);
            if (!remap.link)
                continue;
            remapped_.insert(*remap.link);
            if (const auto link = table_.files.find(*remap.link); link != table_.files.end())
                needs_.links.push_back(link->second.path);
        }
    }

    void take_process(const criu::DumpedProcess& process) {
        // One that has ended and is not reaped has neither.
        if (const auto image = images_.read(fmt::format("mm-{}.img", process.pid)))
            take_memory(criu::parse_mappings(*image));
        const auto ids = ids_of(process.pid);
        const auto image = ids ? images_.read(fmt::format("fdinfo-{}.img", ids->files)) : std::nullopt;
        if (!image)
            return;
        Descriptors descriptors = criu::parse_descriptors(*image);
        if (!descriptors.empty() && descriptors.rbegin()->first > needs_.highest.fd)
            needs_.highest = {.pid = process.pid, .fd = descriptors.rbegin()->first};
        descriptors_.emplace(process.pid, std::move(descriptors));
    }

    void take_memory(const std::vector<criu::Mapping>& mappings) {
        std::map<std::uint64_t, std::uint64_t> huge;
        for (const criu::Mapping& mapping : mappings) {
            const std::uint64_t size = mapping.end - mapping.start;
            if (mapping.is_huge) {
                if (!mapping.is_not_reserved && !mapping.is_shared)
                    huge[mapping.huge_page] += size;
                continue;
            }
            if (mapping.is_shared || (mapping.protection & PROT_WRITE) == 0)
                continue;
            needs_.memory.committed += size;
            if (!mapping.is_not_reserved)
                needs_.memory.largest = std::max(needs_.memory.largest, size);
        }
        for (const auto& [page, bytes] : huge)
            needs_.memory.huge[page] = std::max(needs_.memory.huge[page], bytes);
    }

    void find_locks() {
        const auto image = images_.read("filelocks.img");
        if (!image)
            return;
        for (const criu::DumpedLock& lock : criu::parse_file_locks(*image)) {
            const auto holder = descriptors_.find(lock.pid);
            if (holder == descriptors_.end() || !holder->second.contains(lock.fd))
                continue;
            const std::uint64_t number = holder->second.at(lock.fd);
            const auto file = table_.files.find(number);
            if (file != table_.files.end() && !remapped_.contains(number))
                needs_.locks.push_back({.path = file->second.path, .lock = lock});
        }
    }

    SmallImages images_;
    RestoreNeeds needs_;
    criu::FileTable table_;
    std::set<std::uint64_t> remapped_;
    std::map<pid_t, Descriptors> descriptors_;
};

} // namespace

RestoreNeeds read_restore_needs(const Checkpoint& checkpoint) { return NeedsReading(checkpoint).run(); }

bool has_connections(const RestoreNeeds& needs) {
    return std::ranges::any_of(needs.inet, &criu::DumpedInet::is_connection);
}

std::vector<pid_t> pids_of_ended_leaders(const std::vector<criu::DumpedProcess>& tree, bool shell_job) {
    if (tree.empty())
        return {};
    const criu::DumpedProcess& root = tree.front();
    std::set<pid_t> known = {0};
    // criu/pstree.c, prepare_pstree_for_shell_job.
    if (shell_job && root.session != root.pid) {
        known.insert(root.session);
        if (root.group != root.pid)
            known.insert(root.group);
    }
    for (const criu::DumpedProcess& process : tree) {
        known.insert(process.pid);
        known.insert(process.threads.begin(), process.threads.end());
    }
    std::set<pid_t> ended;
    for (const criu::DumpedProcess& process : tree)
        for (const pid_t leader : {process.group, process.session})
            if (!known.contains(leader))
                ended.insert(leader);
    return {ended.begin(), ended.end()};
}

} // namespace cedana
