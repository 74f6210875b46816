// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/caller.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <cerrno>
#include <cstdlib>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace cedana {

namespace {

// Runs getpwnam_r or getpwuid_r with a buffer that is large enough. Absent when there is no such user.
template <typename LookUp>
std::optional<Caller> find_user(LookUp&& look_up, const std::string& who) {
    std::vector<char> buffer(4096);
    passwd entry{};
    passwd* found = nullptr;
    int error = 0;
    while ((error = look_up(&entry, buffer.data(), buffer.size(), &found)) == ERANGE)
        buffer.resize(buffer.size() * 2);
    if (found != nullptr)
        return Caller{.uid = entry.pw_uid, .gid = entry.pw_gid, .name = entry.pw_name, .home = entry.pw_dir};
    // getpwnam(3) lists these as ways in which systems say that there is none.
    if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM)
        return std::nullopt;
    throw os_error(error, fmt::format("cannot look up {}", who), Fault::environment);
}

Caller user_behind_sudo(const std::string& name) {
    const auto user = caller_named(name);
    if (!user)
        throw Error(Fault::environment, fmt::format("SUDO_USER names {}, who is not a user here", printable(name)))
            .hint("run it through sudo, or unset SUDO_USER");
    return *user;
}

Caller real_user(const Environment& environment) {
    const uid_t uid = ::getuid();
    const auto look_up = [&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
        return ::getpwuid_r(uid, entry, buffer, size, found);
    };
    Caller caller = find_user(look_up, fmt::format("user id {}", uid))
                        .value_or(Caller{.uid = uid, .gid = ::getgid(), .name = std::to_string(uid), .home = {}});
    if (const auto home = environment("HOME"); home && !home->empty())
        caller.home = *home;
    return caller;
}

} // namespace

std::optional<std::string> system_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::optional<Caller> caller_named(const std::string& name) {
    const auto look_up = [&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
        return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
    };
    return find_user(look_up, fmt::format("user {}", printable(name)));
}

Caller caller_from_system(const Environment& environment) {
    const auto sudo_user = environment("SUDO_USER");
    // sudo sets the real user too; a set-user-id program keeps the real user that started it.
    if (::getuid() == 0 && ::geteuid() == 0 && sudo_user && !sudo_user->empty())
        return user_behind_sudo(*sudo_user);
    return real_user(environment);
}

std::vector<gid_t> groups_of(const Caller& caller) {
    int count = 64;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    while (::getgrouplist(caller.name.c_str(), caller.gid, groups.data(), &count) < 0)
        groups.resize(static_cast<std::size_t>(count));
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

std::vector<std::string> Caller::login_variables() const { return {"HOME=" + home, "USER=" + name, "LOGNAME=" + name}; }

bool is_started_by_sudo(const Environment& environment) {
    return environment("SUDO_USER") || environment("SUDO_COMMAND");
}

bool acts_as_root_for(const Caller& caller) { return ::geteuid() == 0 && !caller.is_root(); }

Trusted root_and(const Caller& caller) { return caller.is_root() ? root_alone() : root_and(caller.uid, caller.gid); }

std::string with_rights_of(const Caller& caller, const std::function<std::string()>& work) {
    return acts_as_root_for(caller) ? call_as_user(caller.uid, caller.gid, work) : work();
}

} // namespace cedana
