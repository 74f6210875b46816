// SPDX-License-Identifier: Apache-2.0
// What `cedana check` asks of this process and of the kernel. Nothing is changed.
#pragma once

#include "cedana/host/requirement.hpp"
#include "cedana/process/procfs.hpp"

#include <filesystem>
#include <vector>

namespace cedana {

// Root, and the capabilities that CRIU uses. `status`: of this process.
[[nodiscard]] std::vector<Requirement> check_privileges(const ProcessStatus& status);

// Whether root may look into other processes (Yama). `sys`: /proc/sys, or a folder that looks like it.
[[nodiscard]] Requirement check_tracing(const std::filesystem::path& sys = "/proc/sys");

// userfaultfd(2), by which a lazy restore fills memory on demand.
[[nodiscard]] Requirement check_userfaultfd();

// Whether who must not end by accident can be kept apart from the group in which cedana was started.
[[nodiscard]] Requirement check_own_cgroup();

// The cgroup file system: where containers have their limits.
// `cgroups`: /sys/fs/cgroup, or a folder that looks like it.
[[nodiscard]] Requirement check_cgroups(const std::filesystem::path& cgroups = "/sys/fs/cgroup");

} // namespace cedana
