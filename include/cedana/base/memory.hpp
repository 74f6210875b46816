// SPDX-License-Identifier: Apache-2.0
// How much memory this process can take without hurting anybody else.
#pragma once

#include <cstdint>
#include <filesystem>

namespace cedana {

// The lesser of MemAvailable (proc(5)) and the room left in this process's memory cgroup and its ancestors (cgroups(7),
// version 1 or 2: the limit less what is used; file pages that are not in use count as free), in bytes. Where neither
// can be read: 0.
[[nodiscard]] std::uint64_t available_memory(const std::filesystem::path& proc = "/proc",
                                             const std::filesystem::path& cgroups = "/sys/fs/cgroup");

// VmHWM of this process, in bytes.
[[nodiscard]] std::uint64_t peak_memory();

} // namespace cedana
