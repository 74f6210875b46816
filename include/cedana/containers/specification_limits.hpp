// SPDX-License-Identifier: Apache-2.0
// What a runtime would let a process of a container be and do, by its specification (config.json of the OCI), against
// what CRIU's images would make of it: CRIU gives a task whatever its images say. Pure.
#pragma once

#include "cedana/criu/task_rights.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::containers {

struct SpecificationLimits {
    std::uint64_t user = 0;
    std::set<std::uint64_t> groups = {};
    // Bits, by their numbers (linux/capability.h).
    std::uint64_t capabilities = 0;
    bool no_new_privileges = false;
    bool has_seccomp = false;
    // Of AppArmor or SELinux; empty: none.
    std::string label = {};
    // Of its own, as CRIU calls them: "pid", "mnt".
    std::set<std::string> namespaces = {};
};

// Throws Error(Fault::checkpoint) for what is no specification.
[[nodiscard]] SpecificationLimits parse_limits(std::string_view specification);

// What a container has only where its user has asked for it: "the capability CAP_SYS_ADMIN".
[[nodiscard]] std::vector<std::string> unusual_rights(const SpecificationLimits& limits);

// In which ways the task exceeds them: "has the capability CAP_SYS_ADMIN".
[[nodiscard]] std::vector<std::string> beyond(const SpecificationLimits& limits, const criu::TaskRights& task);
// "lives in the host's pid namespace"
[[nodiscard]] std::vector<std::string> beyond(const SpecificationLimits& limits, const criu::NamespaceNumbers& task,
                                              const criu::NamespaceNumbers& host);

} // namespace cedana::containers
