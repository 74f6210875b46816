// SPDX-License-Identifier: Apache-2.0
// What the databases of users and groups say, for messages and for who is meant by a group.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

namespace cedana {

// The number when there is no name.
[[nodiscard]] std::string user_name(uid_t uid);
[[nodiscard]] std::string group_name(gid_t gid);

// The group lists nobody else as a member. Those whose first group it is are not listed by it.
[[nodiscard]] bool has_no_members_but(gid_t gid, std::string_view user);

// Throws Error(Fault::permission) with the command to type, unless this process is root's. `to_do`: "dump processes".
void require_root(const std::string& to_do);

} // namespace cedana
