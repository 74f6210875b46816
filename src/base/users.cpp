// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/users.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace cedana {

namespace {

// Runs getpwuid_r or getgrgid_r with a buffer that is large enough, and gives what is found to `use`.
template <typename Entry, typename LookUp, typename Use>
auto with_entry(LookUp look_up, Use use) {
    std::vector<char> buffer(4096);
    Entry entry{};
    Entry* found = nullptr;
    while (look_up(&entry, buffer.data(), buffer.size(), &found) == ERANGE)
        buffer.resize(buffer.size() * 2);
    return use(found);
}

template <typename Use>
auto with_group(gid_t gid, Use use) {
    return with_entry<group>([gid](auto... buffer) { return ::getgrgid_r(gid, buffer...); }, use);
}

} // namespace

std::string user_name(uid_t uid) {
    return with_entry<passwd>(
        [uid](auto... buffer) { return ::getpwuid_r(uid, buffer...); },
        [uid](const passwd* found) { return found == nullptr ? std::to_string(uid) : std::string(found->pw_name); });
}

std::string group_name(gid_t gid) {
    return with_group(gid, [gid](const group* found) {
        return found == nullptr ? std::to_string(gid) : std::string(found->gr_name);
    });
}

bool has_no_members_but(gid_t gid, std::string_view user) {
    return with_group(gid, [user](const group* found) {
        if (found == nullptr)
            return true;
        for (char** member = found->gr_mem; *member != nullptr; ++member)
            if (*member != user)
                return false;
        return true;
    });
}

void require_root(const std::string& to_do) {
    if (::geteuid() != 0)
        throw Error(Fault::permission, fmt::format("only root can {}", to_do)).hint("run it with sudo");
}

} // namespace cedana
