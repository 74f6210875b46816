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

std::optional<std::uint64_t> number_in(const std::filesystem::path& path) {
    const auto text = read_if_there(path);
    std::int64_t value = 0;
    if (!text || !parse_number(trim(*text), value) || value < 0)
        return std::nullopt;
    return static_cast<std::uint64_t>(value);
}

std::uint64_t cgroup_room(const std::filesystem::path& proc, const std::filesystem::path& cgroups) {
    const auto membership = read_if_there(proc / "self/cgroup");
    if (!membership)
        return k_unlimited;
    std::uint64_t room = k_unlimited;
    for (const std::string& line : split(*membership, '\n')) {
        if (!line.starts_with("0::/"))
            continue;
        std::filesystem::path group = line.substr(4);
        while (true) {
            const auto limit = number_in(cgroups / group / "memory.max");
            const auto used = number_in(cgroups / group / "memory.current");
            if (limit && used)
                room = std::min(room, *limit > *used ? *limit - *used : 0);
            if (group.empty())
                break;
            group = group.parent_path();
        }
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

std::uint64_t peak_memory() {
    const auto status = read_if_there("/proc/self/status");
    return status ? kilobytes(*status, "VmHWM:").value_or(0) : 0;
}

} // namespace cedana
