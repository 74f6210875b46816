// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/memory_limits.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace cedana {

namespace {

namespace fs = std::filesystem;

// What CRIU has in a process while it dumps (its parasite, with the arguments and a stack for each thread), what lies
// in pipes of pages that are on their way, and what the kernel needs for all of it.
constexpr std::uint64_t k_for_process = 2 * k_mib;
constexpr std::uint64_t k_for_thread = 64UL * 1024;
constexpr std::uint64_t k_for_pages = 8 * k_mib;
// Version 1 says a number of pages close to the highest for "none".
constexpr std::uint64_t k_no_limit = 1UL << 60;

std::optional<std::string> content_of(const fs::path& path) {
    try {
        return std::string(trim(read_file(path, k_mib)));
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::optional<std::uint64_t> bytes_in(const fs::path& path) {
    std::int64_t number = 0;
    const auto content = content_of(path);
    if (!content || !parse_number(*content, number) || number < 0 || static_cast<std::uint64_t>(number) >= k_no_limit)
        return std::nullopt;
    return static_cast<std::uint64_t>(number);
}

// "inactive_file 4096", one a line.
std::uint64_t statistic(const std::string& content, std::string_view name) {
    for (const std::string& line : split(content, '\n')) {
        std::int64_t number = 0;
        if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ' ' &&
            parse_number(std::string_view(line).substr(name.size() + 1), number))
            return static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0));
    }
    return 0;
}

struct Demand {
    std::uint64_t swapped = 0;
    std::uint64_t needed = k_for_pages;
};

// The group's folder: "5:memory:/a" or "0::/a" in /proc/PID/cgroup (cgroups(7)).
std::vector<fs::path> folders_of(const std::string& cgroups, const MemoryHierarchies& hierarchies) {
    std::vector<fs::path> folders;
    for (const std::string& line : split(cgroups, '\n')) {
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos)
            continue;
        const std::vector<std::string> controllers = split(line.substr(first + 1, second - first - 1), ',');
        const std::string path = line.substr(second + 1);
        // Above the top of what is mounted here.
        if (path.starts_with("/.."))
            continue;
        if (line.starts_with("0::") && !hierarchies.version_2.empty())
            folders.push_back(hierarchies.version_2 / path.substr(1));
        else if (std::ranges::count(controllers, "memory") != 0 && !hierarchies.version_1.empty())
            folders.push_back(hierarchies.version_1 / path.substr(1));
    }
    return folders;
}

void add_file(MemoryLimit& limit, const char* name, std::uint64_t more) {
    const fs::path path = limit.group / name;
    if (const auto value = bytes_in(path))
        limit.files.push_back({.path = path, .value = std::to_string(*value), .wanted = std::to_string(*value + more)});
}

struct GroupMemory {
    bool is_first = false;
    std::uint64_t limit = 0;
    std::uint64_t usage = 0;
    std::uint64_t cache = 0;
};

// Absent without a limit.
std::optional<GroupMemory> memory_of(const fs::path& group) {
    const bool is_first = fs::exists(group / "memory.limit_in_bytes");
    const auto limit = bytes_in(group / (is_first ? "memory.limit_in_bytes" : "memory.max"));
    const auto usage = bytes_in(group / (is_first ? "memory.usage_in_bytes" : "memory.current"));
    if (!limit || !usage)
        return std::nullopt;
    GroupMemory found{.is_first = is_first, .limit = *limit, .usage = *usage};
    const std::string statistics = content_of(group / "memory.stat").value_or("");
    for (const char* const name : {"inactive_file", "active_file"})
        found.cache += statistic(statistics, is_first ? std::string("total_") + name : name);
    return found;
}

// Calls `with` for the group and those above it, below the top.
template <typename With>
void for_each_up(fs::path group, const MemoryHierarchies& hierarchies, With&& with) {
    const fs::path& top = group.native().starts_with(hierarchies.version_1.native()) && !hierarchies.version_1.empty()
                              ? hierarchies.version_1
                              : hierarchies.version_2;
    for (; group.native().size() > top.native().size() + 1; group = group.parent_path())
        with(group);
}

std::uint64_t less(std::uint64_t from, std::uint64_t what) { return from - std::min(from, what); }

// What of the host's swap space a group may use (Documentation/admin-guide/cgroup-v2.rst; of version 1 the limit is
// that of memory and swap together).
std::uint64_t free_with_swap(const fs::path& group, const GroupMemory& memory, std::uint64_t free_swap) {
    const std::uint64_t free = less(memory.limit, less(memory.usage, memory.cache));
    if (memory.is_first) {
        const auto limit = bytes_in(group / "memory.memsw.limit_in_bytes");
        const auto usage = bytes_in(group / "memory.memsw.usage_in_bytes");
        return limit && usage ? std::min(free + free_swap, less(*limit, less(*usage, memory.cache))) : free + free_swap;
    }
    const auto limit = bytes_in(group / "memory.swap.max");
    const auto usage = bytes_in(group / "memory.swap.current");
    return free + (limit ? std::min(free_swap, less(*limit, usage.value_or(0))) : free_swap);
}

std::optional<MemoryLimit> limit_of(const fs::path& group, const Demand& demand) {
    const auto memory = memory_of(group);
    if (!memory)
        return std::nullopt;
    const bool is_first = memory->is_first;
    MemoryLimit found{.group = group,
                      .limit = memory->limit,
                      .usage = memory->usage,
                      .cache = memory->cache,
                      .swapped = demand.swapped,
                      .needed = demand.needed + demand.swapped};
    // The limit of both together may not be below the other (Documentation/admin-guide/cgroup-v1/memory.rst).
    if (is_first)
        add_file(found, "memory.memsw.limit_in_bytes", found.needed);
    add_file(found, is_first ? "memory.limit_in_bytes" : "memory.max", found.needed);
    // Whoever is above it is made to wait.
    if (!is_first)
        add_file(found, "memory.high", found.needed);
    return found;
}

} // namespace

MemoryHierarchies memory_hierarchies(std::string_view mountinfo) {
    MemoryHierarchies found;
    for (const Mount& mount : parse_mounts(mountinfo)) {
        const std::vector<std::string> options = split(mount.options, ',');
        if (mount.type == "cgroup2" && mount.root == "/")
            found.version_2 = mount.path;
        else if (mount.type == "cgroup" && mount.root == "/" && std::ranges::count(options, "memory") != 0)
            found.version_1 = mount.path;
    }
    return found;
}

std::vector<MemoryLimit> memory_limits(const Procfs& procfs, const ProcessTree& tree,
                                       const MemoryHierarchies& hierarchies) {
    std::map<fs::path, Demand> demands;
    for (const TreeProcess& process : tree.processes) {
        for (const fs::path& folder : folders_of(procfs.read(process.pid(), "cgroup").value_or(""), hierarchies))
            for_each_up(folder, hierarchies, [&](const fs::path& group) {
                Demand& demand = demands[group];
                demand.swapped += process.status.memory.swapped;
                demand.needed += k_for_process + k_for_thread * process.threads.size();
            });
    }
    std::vector<MemoryLimit> limits;
    // The highest first: a limit below it counts for nothing more.
    for (const auto& [folder, demand] : demands)
        if (auto limit = limit_of(folder, demand))
            limits.push_back(std::move(*limit));
    return limits;
}

std::vector<MemoryRoom> memory_rooms(const std::string& cgroups, const MemoryHierarchies& hierarchies,
                                     std::uint64_t free_swap) {
    std::vector<MemoryRoom> rooms;
    for (const fs::path& folder : folders_of(cgroups, hierarchies))
        for_each_up(folder, hierarchies, [&](const fs::path& group) {
            if (const auto memory = memory_of(group))
                rooms.push_back({.group = group,
                                 .file = group / (memory->is_first ? "memory.limit_in_bytes" : "memory.max"),
                                 .limit = memory->limit,
                                 .usage = memory->usage,
                                 .free = free_with_swap(group, *memory, free_swap)});
        });
    std::ranges::sort(rooms, {}, &MemoryRoom::free);
    return rooms;
}

} // namespace cedana
