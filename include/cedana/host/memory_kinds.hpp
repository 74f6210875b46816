// SPDX-License-Identifier: Apache-2.0
// Memory that a host may lack though it has enough of it: huge pages, what the kernel is willing to promise, and what
// a control group allows.
#pragma once

#include "cedana/checkpoint/restore_needs.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/process/memory_limits.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cedana {

// Throws Error(Fault::environment) if there are too few free huge pages of a size. `name`: of the tree. `sys` and
// `proc`: /sys and /proc, or folders that look like them; of what cannot be read there nothing is said.
void require_huge_pages(const NeededMemory& memory, const std::string& name, const std::filesystem::path& sys = "/sys",
                        const std::filesystem::path& proc = "/proc");

// Throws Error(Fault::environment) if the kernel would not give out the private memory of the tree
// (vm.overcommit_memory).
void require_commitment(const NeededMemory& memory, const std::string& name,
                        const std::filesystem::path& proc = "/proc");

// The control groups in which the tree will be, as lines of /proc/PID/cgroup: those that it had of its own, and `own`,
// those of who restores it, where it had none. `criu_arguments`: what is passed beside what the manifest says.
[[nodiscard]] std::string groups_at_return(const Manifest& manifest, const std::vector<std::string>& criu_arguments,
                                           const std::string& own);

// SwapFree of /proc/meminfo, in bytes; 0 where it cannot be read.
[[nodiscard]] std::uint64_t free_swap(const std::filesystem::path& proc = "/proc");

// Throws Error(Fault::environment) if one of these groups has not the memory free that the tree takes at the least.
// `rooms`: as memory_rooms() gives them.
void require_group_memory(const NeededMemory& memory, const std::string& name, const std::vector<MemoryRoom>& rooms);

} // namespace cedana
