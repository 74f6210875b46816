// SPDX-License-Identifier: Apache-2.0
// Sets of CPUs, as text and as the kernel takes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana {

// Bit N of the whole stands for CPU N.
using CpuSet = std::vector<unsigned long>;

// "0-3,8"; empty for none.
[[nodiscard]] std::string cpu_list(const CpuSet& cpus);
// Absent if it is not such a list.
[[nodiscard]] std::optional<CpuSet> parse_cpu_list(std::string_view text);

// Of a thread (sched_getaffinity(2)); absent if it has ended.
[[nodiscard]] std::optional<CpuSet> affinity_of(pid_t thread);
// False, with errno, if none of them can be had.
bool set_affinity(pid_t thread, const CpuSet& cpus);

// All that the calling thread could have, whatever it is limited to by itself; its affinity is as before.
[[nodiscard]] CpuSet widest_affinity();
// Of every CPU that there could be.
[[nodiscard]] CpuSet every_cpu();

} // namespace cedana
