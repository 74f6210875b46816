// SPDX-License-Identifier: Apache-2.0
// How much memory this process can take without hurting anybody else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace cedana {

// The lesser of MemAvailable (proc(5)) and the room left in this process's memory cgroup and its ancestors (cgroups(7),
// version 1 or 2: the limit less what is used; file pages that are not in use count as free), in bytes. Where neither
// can be read: 0.
[[nodiscard]] std::uint64_t available_memory(const std::filesystem::path& proc = "/proc",
                                             const std::filesystem::path& cgroups = "/sys/fs/cgroup");

// MemAvailable and SwapFree together (proc(5)): what programs of this host can take yet, in bytes. Absent where it
// cannot be read.
[[nodiscard]] std::optional<std::uint64_t> host_memory(const std::filesystem::path& proc = "/proc");

// Of a page, in bytes.
[[nodiscard]] std::uint64_t page_size();

// VmHWM of this process, in bytes.
[[nodiscard]] std::uint64_t peak_memory();

} // namespace cedana
