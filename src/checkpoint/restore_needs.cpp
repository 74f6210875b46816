// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/restore_needs.hpp"

#include "cedana/base/memory.hpp"
#include "cedana/checkpoint/small_images.hpp"
#include "cedana/criu/memory_map.hpp"
#include "cedana/criu/pagemap.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/mman.h>

namespace cedana {

namespace {

using Descriptors = std::map<int, std::uint64_t>;
// By address, none of which touches another.
using Ranges = std::vector<criu::AddressRange>;

Ranges sorted(Ranges ranges) {
    std::ranges::sort(ranges, {}, &criu::AddressRange::start);
    Ranges joined;
    for (const criu::AddressRange& one : ranges) {
        if (!joined.empty() && one.start <= joined.back().end)
            joined.back().end = std::max(joined.back().end, one.end);
        else
            joined.push_back(one);
    }
    return joined;
}

std::uint64_t bytes_of(const Ranges& ranges) {
    std::uint64_t bytes = 0;
    for (const criu::AddressRange& one : ranges)
        bytes += one.end - one.start;
    return bytes;
}

std::uint64_t common_bytes(const Ranges& one, const Ranges& other) {
    std::uint64_t bytes = 0;
    for (auto a = one.begin(), b = other.begin(); a != one.end() && b != other.end();) {
        const std::uint64_t start = std::max(a->start, b->start);
        const std::uint64_t end = std::min(a->end, b->end);
        bytes += start < end ? end - start : 0;
        a->end < b->end ? ++a : ++b;
    }
    return bytes;
}

Ranges page_ranges(const criu::Pagemap& map) {
    const auto page = page_size();
    criu::require_sound(map, page);
    Ranges ranges;
    std::ranges::transform(map.runs, std::back_inserter(ranges), [&](const criu::PageRun& run) {
        return criu::AddressRange{.start = run.address, .end = run.address + run.pages * page};
    });
    return sorted(std::move(ranges));
}

class NeedsReading {
  public:
    explicit NeedsReading(const Checkpoint& checkpoint) : images_(checkpoint), manifest_(checkpoint.manifest()) {}

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
        find_keys();
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
        const std::uint64_t own_time = root->time == host.time ? 0 : root->time;
        if (const auto clocks = images_.read(fmt::format("timens-{}.img", own_time)))
            needs_.clocks = criu::parse_clocks(*clocks);
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
        NeededOpenFiles open{.pid = process.pid, .descriptors = 0, .mappings = 0};
        // One that has ended and is not reaped has neither.
        if (const auto image = images_.read(fmt::format("mm-{}.img", process.pid))) {
            const std::vector<criu::Mapping> mappings = criu::parse_mappings(*image);
            take_memory(mappings);
            take_pages(process, mappings);
            open.mappings = opened_to_map(mappings);
        }
        const auto ids = ids_of(process.pid);
        const auto image = ids ? images_.read(fmt::format("fdinfo-{}.img", ids->files)) : std::nullopt;
        if (!image)
            return;
        Descriptors descriptors = criu::parse_descriptors(*image);
        open.descriptors = descriptors.size();
        if (open.both() > needs_.open_files.both())
            needs_.open_files = open;
        if (!descriptors.empty() && descriptors.rbegin()->first > needs_.highest.fd)
            needs_.highest = {.pid = process.pid, .fd = descriptors.rbegin()->first};
        descriptors_.emplace(process.pid, std::move(descriptors));
    }

    [[nodiscard]] static std::uint64_t opened_to_map(const std::vector<criu::Mapping>& mappings) {
        std::uint64_t count = 0;
        std::optional<std::uint64_t> last_file;
        for (const criu::Mapping& mapping : mappings) {
            const bool is_file = mapping.kind == criu::MappingKind::file || mapping.kind == criu::MappingKind::memfd;
            const bool is_next_file = is_file && std::exchange(last_file, mapping.object) != mapping.object;
            if (is_next_file || mapping.kind == criu::MappingKind::shared)
                ++count;
        }
        return count;
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

    void take_pages(const criu::DumpedProcess& process, const std::vector<criu::Mapping>& mappings) {
        Ranges locked;
        Ranges huge;
        for (const criu::Mapping& mapping : mappings) {
            const criu::AddressRange range{.start = mapping.start, .end = mapping.end};
            if (mapping.is_huge)
                huge.push_back(range);
            else if (mapping.is_shared && mapping.kind == criu::MappingKind::shared && mapping.object)
                take_shared(*mapping.object);
            else if (is_filled(mapping) && !is_locked_on_fault(process.pid, mapping))
                locked.push_back(range);
        }
        const auto image = images_.read(fmt::format("pagemap-{}.img", process.pid));
        Ranges pages = image ? page_ranges(criu::parse_pagemap(*image)) : Ranges();
        const auto parent = pages_.find(process.parent);
        const std::uint64_t known = parent == pages_.end() ? 0 : common_bytes(pages, parent->second);
        const std::uint64_t not_in_images = bytes_of(locked) - common_bytes(sorted(locked), pages);
        needs_.memory.locked += not_in_images;
        const std::uint64_t elsewhere = known + common_bytes(pages, sorted(huge));
        needs_.memory.charged += bytes_of(pages) - std::min(bytes_of(pages), elsewhere) + not_in_images;
        pages_.emplace(process.pid, std::move(pages));
    }

    // Shared anonymous memory, once however many have it mapped.
    void take_shared(std::uint64_t object) {
        if (!shared_.insert(object).second)
            return;
        if (const auto image = images_.read(fmt::format("pagemap-shmem-{}.img", object)))
            needs_.memory.charged += bytes_of(page_ranges(criu::parse_pagemap(*image)));
    }

    // Of a file it is most likely there already, and what is for reading alone is the one page of zeros.
    [[nodiscard]] static bool is_filled(const criu::Mapping& mapping) {
        return mapping.is_locked && !mapping.is_shared && mapping.kind != criu::MappingKind::file &&
               (mapping.protection & PROT_WRITE) != 0;
    }

    // It is filled no more (criu/image_mends.hpp).
    [[nodiscard]] bool is_locked_on_fault(pid_t pid, const criu::Mapping& mapping) const {
        const auto process = std::ranges::find(manifest_.attributes, pid, &ProcessAttributes::pid);
        return process != manifest_.attributes.end() &&
               std::ranges::any_of(process->locked_on_fault, [&](const MemoryRange& range) {
                   return range.start <= mapping.start && mapping.end <= range.end;
               });
    }

    void find_locks() {
        const auto image = images_.read("filelocks.img");
        std::vector<criu::DumpedLock> locks = image ? criu::parse_file_locks(*image) : std::vector<criu::DumpedLock>();
        for (const criu::DumpedLock& lock : posix_locks(manifest_))
            if (std::ranges::find(locks, lock) == locks.end())
                locks.push_back(lock);
        for (const criu::DumpedLock& lock : locks) {
            const auto holder = descriptors_.find(lock.pid);
            if (holder == descriptors_.end() || !holder->second.contains(lock.fd))
                continue;
            const std::uint64_t number = holder->second.at(lock.fd);
            const auto file = table_.files.find(number);
            if (file != table_.files.end() && !remapped_.contains(number))
                needs_.locks.push_back({.path = file->second.path, .lock = lock});
        }
    }

    // Of a terminal of its own the tree has both sides.
    void find_keys() {
        const auto image = images_.read("tty-info.img");
        if (!image)
            return;
        const std::vector<criu::DumpedTerminal> terminals = criu::parse_terminals(*image);
        for (const criu::DumpedTerminal& terminal : terminals) {
            const bool is_own =
                terminal.number && std::ranges::count(terminals, terminal.number, &criu::DumpedTerminal::number) > 1;
            if (is_own || !has_group(terminal.foreground_group))
                continue;
            needs_.foreground_group = terminal.foreground_group;
            needs_.had_single_keys = needs_.had_single_keys || terminal.gives_single_keys;
        }
    }

    [[nodiscard]] bool has_group(pid_t group) const {
        return group != 0 && std::ranges::count(needs_.tree, group, &criu::DumpedProcess::group) != 0;
    }

    SmallImages images_;
    const Manifest& manifest_;
    RestoreNeeds needs_;
    std::map<pid_t, Ranges> pages_;
    std::set<std::uint64_t> shared_;
    criu::FileTable table_;
    std::set<std::uint64_t> remapped_;
    std::map<pid_t, Descriptors> descriptors_;
};

} // namespace

RestoreNeeds read_restore_needs(const Checkpoint& checkpoint) { return NeedsReading(checkpoint).run(); }

std::vector<criu::DumpedLock> posix_locks(const Manifest& manifest) {
    std::vector<criu::DumpedLock> locks;
    for (const ProcessAttributes& process : manifest.attributes)
        for (const PosixLock& lock : process.posix_locks)
            locks.push_back({.kind = criu::LockKind::posix,
                             .is_exclusive = lock.exclusive,
                             .pid = process.pid,
                             .fd = lock.fd,
                             .start = lock.start,
                             .length = lock.length});
    return locks;
}

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

std::set<pid_t> numbers_of(const std::vector<criu::DumpedProcess>& tree) {
    std::set<pid_t> numbers;
    for (const criu::DumpedProcess& process : tree) {
        numbers.insert({process.pid, process.group, process.session});
        numbers.insert(process.threads.begin(), process.threads.end());
    }
    return numbers;
}

} // namespace cedana
