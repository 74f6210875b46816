// SPDX-License-Identifier: Apache-2.0
// The multicast groups that a socket has joined. The kernel lists those of a device alone (/proc/net/igmp), and tells
// of a socket whether it is in one that it is asked for.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/model/socket_options.hpp"
#include "cedana/process/procfs.hpp"

#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct JoinedGroup {
    unsigned device = 0;
    std::string name = {};
    // "224.1.2.3"
    std::string group = {};
    friend auto operator<=>(const JoinedGroup&, const JoinedGroup&) = default;
};

// Those of any socket in the network namespace of a process.
using JoinedGroups = std::vector<JoinedGroup>;
[[nodiscard]] JoinedGroups joined_groups(const Procfs& procfs, pid_t pid);
// What /proc/PID/net/igmp and igmp6 say.
[[nodiscard]] JoinedGroups parse_igmp(const std::string& igmp);
[[nodiscard]] JoinedGroups parse_igmp6(const std::string& igmp6);

[[nodiscard]] std::vector<GroupMembership> memberships_of(const UniqueFd& socket, const JoinedGroups& joined);

// Why it could not be done; empty: it is a member now.
[[nodiscard]] std::string join_again(const UniqueFd& socket, const GroupMembership& wanted);

} // namespace cedana
