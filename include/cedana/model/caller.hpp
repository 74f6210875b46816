// SPDX-License-Identifier: Apache-2.0
// Whose program run this is: the user behind sudo, not the root that sudo made of them.
#pragma once

#include "cedana/base/trusted_path.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

// The value of an environment variable; absent when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

[[nodiscard]] std::optional<std::string> system_environment(const std::string& name);

struct Caller {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string name;
    // Empty when the user has none.
    std::string home;

    [[nodiscard]] bool is_root() const noexcept { return uid == 0; }
    // HOME, USER and LOGNAME, as a login sets them.
    [[nodiscard]] std::vector<std::string> login_variables() const;
};

// All groups of the user, by the databases of users and groups.
[[nodiscard]] std::vector<gid_t> groups_of(const Caller& caller);

// The user of SUDO_USER when sudo made this process root, with the home of the user database; else the real user
// of this process, with $HOME. SUDO_UID is not asked: the name is what sudo's rules and log speak of. Throws Error
// when SUDO_USER names nobody.
[[nodiscard]] Caller caller_from_system(const Environment& environment = system_environment);

// The user of that name; absent when there is none. Throws Error when it cannot be looked up.
[[nodiscard]] std::optional<Caller> caller_named(const std::string& name);

// sudo has started this process. What cedana itself starts has an environment without a trace of it.
[[nodiscard]] bool is_started_by_sudo(const Environment& environment = system_environment);

// True when this process is root for someone who is not: their files are theirs to open, not root's.
[[nodiscard]] bool acts_as_root_for(const Caller& caller);

// Root, and the caller: whose writing of a file of theirs is no surprise.
[[nodiscard]] Trusted root_and(const Caller& caller);

// Runs `work`, which may only touch the file system, with the rights of the caller, in a child if need be; returns
// its text and rethrows its Error.
[[nodiscard]] std::string with_rights_of(const Caller& caller, const std::function<std::string()>& work);

} // namespace cedana
