// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/callers_place.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// Of this thread alone: the C library's would change those of every thread (setgroups(2)).
bool set_groups(const std::vector<gid_t>& groups) {
    return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

// For the file system this thread is the caller, without root's capabilities for files (setfsuid(2)), as long as this
// object lives.
class TakenRights {
  public:
    explicit TakenRights(const Caller& caller) {
        groups_.resize(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
        if (::getgroups(static_cast<int>(groups_.size()), groups_.data()) < 0 || !set_groups(groups_of(caller)))
            fail(caller);
        ::setfsgid(caller.gid);
        ::setfsuid(caller.uid);
        // They return what was before, and no error; -1 changes nothing.
        if (static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1))) != caller.gid ||
            static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))) != caller.uid) {
            give_back();
            fail(caller);
        }
    }
    TakenRights(const TakenRights&) = delete;
    TakenRights& operator=(const TakenRights&) = delete;
    ~TakenRights() { give_back(); }

  private:
    [[noreturn]] static void fail(const Caller& caller) {
        throw Error(Fault::permission, fmt::format("cannot take the rights of user {}", printable(caller.name)));
    }
    void give_back() const noexcept {
        ::setfsuid(::geteuid());
        ::setfsgid(::getegid());
        set_groups(groups_);
    }

    std::vector<gid_t> groups_;
};

bool root_may_open(const Caller& caller, const fs::path& path, NamedBy named_by) {
    if (named_by == NamedBy::cedana && !look_at_path(path, root_alone()).exposure)
        return true;
    return !look_at_path(path, root_and(caller)).exposure && may_become_root(caller);
}

} // namespace

bool may_become_root(const Caller& caller, const std::string& sudo) {
    constexpr auto k_limit = std::chrono::seconds(20);
    if (!acts_as_root_for(caller))
        return true;
    try {
        // Root is never asked for a password. The exit status tells whether the command would be allowed (sudo(8), -l).
        return run_captured({.argv = {sudo, "-n", "-l", "-U", caller.name, "--", "/bin/sh"},
                             .env = std::vector<std::string>{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C"},
                             .descriptor_limit = DescriptorLimit::as_started},
                            k_limit)
            .status.success();
    } catch (const Error& error) {
        spdlog::debug("sudo does not say what user {} may do: {}", printable(caller.name), error.message());
        return false;
    }
}

bool can_write_in(const Caller& caller, const fs::path& folder) {
    std::optional<TakenRights> rights;
    if (acts_as_root_for(caller))
        rights.emplace(caller);
    return ::syscall(SYS_faccessat2, AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

UniqueFd open_for(const Caller& caller, const fs::path& path, int flags, mode_t mode, NamedBy named_by) {
    if (!acts_as_root_for(caller))
        return open_file(path, flags, mode);
    try {
        const TakenRights rights(caller);
        return open_file(path, flags, mode);
    } catch (Error& error) {
        if (error.fault() != Fault::permission)
            throw;
        if (!root_may_open(caller, path, named_by))
            throw error.hint(
                fmt::format("name a file that user {} can write: behind sudo it is opened with their rights",
                            printable(caller.name)));
    }
    return open_file(path, flags | O_NOFOLLOW, mode);
}

Error no_output(const Error& error) {
    const std::string hint =
        error.hint().empty() ? "name another file for the output: --stdio FILE" : error.hint() + " (--stdio FILE)";
    return Error(error.fault() == Fault::internal ? Fault::storage : error.fault(), error.message()).hint(hint);
}

UniqueFd open_output_for(const Caller& caller, const fs::path& path, NamedBy named_by) {
    constexpr mode_t k_for_owner = 0600;
    try {
        UniqueFd file =
            open_for(caller, path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK, k_for_owner, named_by);
        ::fcntl(file.get(), F_SETFL, O_APPEND);
        return file;
    } catch (const Error& error) {
        throw no_output(error);
    }
}

} // namespace cedana
