// SPDX-License-Identifier: Apache-2.0
// What a task may do and be once CRIU has restored it, from its core-TID.img and ids-PID.img (images/core.proto,
// creds.proto): for whoever does not trust who made them. A field that is there more than once counts each time, since
// it is CRIU's protobuf that decides which of them holds.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace cedana::criu {

struct TaskRights {
    std::string comm = {};
    // CRIU makes no more of it than a zombie.
    bool has_ended = false;
    // Real, effective, saved and of the file system.
    std::set<std::uint64_t> users = {};
    std::set<std::uint64_t> groups = {};
    std::set<std::uint64_t> more_groups = {};
    // All that are in any of its sets, by their numbers (linux/capability.h) as bits.
    std::uint64_t capabilities = 0;
    bool has_no_new_privileges = false;
    // In mode 2 (linux/seccomp.h).
    bool has_seccomp_filter = false;
    // Of AppArmor its profile, of SELinux its context; all that are named.
    std::set<std::string> labels = {};
};

// Of one thread. Throws Error(Fault::checkpoint) for what is no such image.
[[nodiscard]] TaskRights parse_task_rights(std::string_view image);

// By the kind of namespace ("pid", "mnt"), CRIU's number of it; 0 if the image does not say. Of ids-PID.img, and of
// inventory.img: CRIU's own, so a task that has the same lives in the host's. Throw Error(Fault::checkpoint).
using NamespaceNumbers = std::map<std::string, std::uint64_t>;
[[nodiscard]] NamespaceNumbers parse_namespaces(std::string_view image);
[[nodiscard]] NamespaceNumbers parse_host_namespaces(std::string_view image);

} // namespace cedana::criu
