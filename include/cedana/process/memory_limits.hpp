// SPDX-License-Identifier: Apache-2.0
// The memory that control groups allow: to a tree while it is dumped, since CRIU brings memory back that is swapped
// out, and has code of its own in every process; and to a tree that is to come back. Where the limit leaves no room for
// that, the kernel ends a process of the tree.
#pragma once

#include "cedana/process/procfs.hpp"
#include "cedana/process/tree.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// A file in which a limit stands.
struct LimitFile {
    std::filesystem::path path = {};
    // As it is written there.
    std::string value = {};
    // That it must be for the dump.
    std::string wanted = {};
    friend bool operator==(const LimitFile&, const LimitFile&) = default;
};

struct MemoryLimit {
    std::filesystem::path group = {};
    std::uint64_t limit = 0;
    std::uint64_t usage = 0;
    // Of the usage: what the kernel takes back without ado (page cache).
    std::uint64_t cache = 0;
    // Of the tree's processes in it.
    std::uint64_t swapped = 0;
    std::uint64_t needed = 0;
    // In the order in which they are raised.
    std::vector<LimitFile> files = {};

    // A dump would reach it.
    [[nodiscard]] bool is_short() const noexcept { return usage + needed > limit; }
    // And the kernel would have to end something.
    [[nodiscard]] bool is_deadly() const noexcept {
        return swapped != 0 && usage - std::min(cache, usage) + needed > limit;
    }
};

// Where the groups of version 1 (memory) and 2 are.
struct MemoryHierarchies {
    // The folder in which a group of this path is; empty where there is none.
    std::filesystem::path version_1 = {};
    std::filesystem::path version_2 = {};
};

[[nodiscard]] MemoryHierarchies memory_hierarchies(std::string_view mountinfo);

// Of every group with a limit in which a process of the tree is, and of those above it.
[[nodiscard]] std::vector<MemoryLimit> memory_limits(const Procfs& procfs, const ProcessTree& tree,
                                                     const MemoryHierarchies& hierarchies);

// What a group with a limit can take yet.
struct MemoryRoom {
    std::filesystem::path group = {};
    // In which the limit stands.
    std::filesystem::path file = {};
    std::uint64_t limit = 0;
    std::uint64_t usage = 0;
    // Page cache counts as free, and so does swap space that it may use.
    std::uint64_t free = 0;
};

// Of every group with a limit that a process with these lines in /proc/PID/cgroup is in, the one that leaves least
// first; empty: there is no limit. Groups that are not there are passed over. `free_swap`: of the host.
[[nodiscard]] std::vector<MemoryRoom> memory_rooms(const std::string& cgroups, const MemoryHierarchies& hierarchies,
                                                   std::uint64_t free_swap);

} // namespace cedana
