// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/memory.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace cedana {

namespace {

constexpr std::uint64_t k_unlimited = std::numeric_limits<std::uint64_t>::max();

std::optional<std::string> read_if_there(const std::filesystem::path& path) {
    try {
        return read_file(path, 1024 * 1024);
    } catch (const Error&) {
        return std::nullopt;
    }
}

// "Name:   123 kB"
std::optional<std::uint64_t> kilobytes(const std::string& text, std::string_view name) {
    for (const std::string& line : split(text, '\n')) {
        if (!line.starts_with(name))
            continue;
        std::string_view number = trim(std::string_view(line).substr(name.size()));
        number = trim(number.substr(0, number.find(' ')));
        if (std::int64_t value = 0; parse_number(number, value) && value >= 0)
            return static_cast<std::uint64_t>(value) * 1024;
    }
    return std::nullopt;
}

// "name 123", a line of memory.stat; `name` with the blank.
std::optional<std::uint64_t> number_behind(const std::string& text, std::string_view name) {
    for (const std::string& line : split(text, '\n'))
        if (std::int64_t value = 0; line.starts_with(name) &&
                                    parse_number(trim(std::string_view(line).substr(name.size())), value) && value >= 0)
            return static_cast<std::uint64_t>(value);
    return std::nullopt;
}

std::optional<std::uint64_t> number_in(const std::filesystem::path& path) {
    const auto text = read_if_there(path);
    std::int64_t value = 0;
    if (!text || !parse_number(trim(*text), value) || value < 0)
        return std::nullopt;
    return static_cast<std::uint64_t>(value);
}

// One kind of memory cgroup: where its tree is, and what its files are called.
struct MemoryGroups {
    std::filesystem::path root;
    const char* limit;
    const char* usage;
    // In memory.stat: pages of files that the kernel takes back before it would refuse memory.
    const char* reclaimable;
};

// What the group may still take; k_unlimited without a limit.
std::uint64_t room_in(const MemoryGroups& groups, const std::filesystem::path& group) {
    const auto limit = number_in(groups.root / group / groups.limit);
    const auto usage = number_in(groups.root / group / groups.usage);
    if (!limit || !usage)
        return k_unlimited;
    const auto stat = read_if_there(groups.root / group / "memory.stat");
    const std::uint64_t reclaimable = stat ? number_behind(*stat, groups.reclaimable).value_or(0) : 0;
    const std::uint64_t held = *usage - std::min(*usage, reclaimable);
    return *limit - std::min(*limit, held);
}

std::uint64_t room_up_to_the_root(const MemoryGroups& groups, std::filesystem::path group) {
    std::uint64_t room = room_in(groups, group);
    while (!group.empty()) {
        group = group.parent_path();
        room = std::min(room, room_in(groups, group));
    }
    return room;
}

bool names(std::string_view controllers, std::string_view controller) {
    for (const std::string& name : split(std::string(controllers), ','))
        if (name == controller)
            return true;
    return false;
}

// Lines of /proc/self/cgroup (cgroups(7)): "0::/path" of version 2, "4:memory:/path" of version 1. Where both are
// mounted version 2 is in a folder "unified", and memory belongs to one of them.
std::uint64_t cgroup_room(const std::filesystem::path& proc, const std::filesystem::path& cgroups) {
    std::uint64_t room = k_unlimited;
    for (const std::string& line : split(read_if_there(proc / "self/cgroup").value_or(""), '\n')) {
        const std::vector<std::string> fields = split(line, ':');
        if (fields.size() < 3 || !fields[2].starts_with('/'))
            continue;
        const std::filesystem::path group = line.substr(fields[0].size() + fields[1].size() + 3);
        if (fields[0] == "0" && fields[1].empty())
            for (const auto& root : {cgroups, cgroups / "unified"})
                room = std::min(room,
                                room_up_to_the_root({root, "memory.max", "memory.current", "inactive_file "}, group));
        else if (names(fields[1], "memory"))
            room = std::min(room, room_up_to_the_root({cgroups / "memory", "memory.limit_in_bytes",
                                                       "memory.usage_in_bytes", "total_inactive_file "},
                                                      group));
    }
    return room;
}

} // namespace

std::uint64_t available_memory(const std::filesystem::path& proc, const std::filesystem::path& cgroups) {
    const auto meminfo = read_if_there(proc / "meminfo");
    const auto available = meminfo ? kilobytes(*meminfo, "MemAvailable:") : std::nullopt;
    const std::uint64_t room = std::min(available.value_or(k_unlimited), cgroup_room(proc, cgroups));
    return room == k_unlimited ? 0 : room;
}

std::optional<std::uint64_t> host_memory(const std::filesystem::path& proc) {
    const auto meminfo = read_if_there(proc / "meminfo");
    const auto available = meminfo ? kilobytes(*meminfo, "MemAvailable:") : std::nullopt;
    if (!available)
        return std::nullopt;
    return *available + kilobytes(*meminfo, "SwapFree:").value_or(0);
}

std::uint64_t page_size() {
    static const auto k_size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return k_size;
}

std::uint64_t peak_memory() {
    const auto status = read_if_there("/proc/self/status");
    return status ? kilobytes(*status, "VmHWM:").value_or(0) : 0;
}

} // namespace cedana
