// SPDX-License-Identifier: Apache-2.0
// Who besides root can change what a path leads to. As OpenSSH asks before it believes a file: nobody else may own or
// write it, nor any folder above it, nor any link on the way. Only what is asked here and found to be in order stays so
// until it is used, since nobody else could have changed it in between.
#pragma once

#include "cedana/base/error.hpp"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <sys/stat.h>
#include <sys/types.h>

namespace cedana {

// Whom it does not count against, beside root.
struct Trusted {
    std::optional<uid_t> user = std::nullopt;
    // Groups in which nobody else is.
    std::set<gid_t> groups = {};

    [[nodiscard]] bool has(uid_t uid) const { return uid == 0 || uid == user; }
};

// Root, and group 0 if it has no other members.
[[nodiscard]] Trusted root_alone();
// These, the user, and that user's private group: one of the user's own name that has no other members.
[[nodiscard]] Trusted root_and(uid_t uid, gid_t gid);

// One folder, link or file on the way of a path.
struct PathStep {
    std::filesystem::path path;
    mode_t mode = 0;
    uid_t owner = 0;
    gid_t group = 0;
    // The group's bits of the mode are then what the list gives at most (acl(5)).
    bool has_access_list = false;
    // In a file system of a program (FUSE), whose owners and modes are what that program says.
    bool of_a_program = false;
    // Of such a one, if it is known: who mounted it.
    std::optional<uid_t> mounter = std::nullopt;
    // On NFS, whose server may give to nobody what root makes (exports(5), root_squash).
    bool on_nfs = false;
    // In /proc or /sys, where processes and devices choose what is read.
    bool of_processes = false;
};

// Of the last step of a path. names_of_others: a sticky folder will do, in which others may make files, but neither
// remove nor rename those of root.
enum class Last { complete, names_of_others };

// What lets others change something.
struct Exposure {
    PathStep step;
    // "everybody may write to", "user bob owns"
    std::string how;
    // The command that mends it, or where none here can, what else to do; empty where nothing is known.
    std::string remedy;
};

// Absent if only the trusted can change it. Pure but for the names of users and groups.
[[nodiscard]] std::optional<Exposure> exposure_of(const PathStep& step, const Trusted& trusted, Last last);

struct PathLook {
    // The first on the way from /; absent if there is none.
    std::optional<Exposure> exposure;
    // What the path leads to; absent when it leads to nothing, or was not reached for the exposure.
    std::optional<std::pair<dev_t, ino_t>> file;
};

// Looks at every step with the rights of this process, through links as the kernel follows them. Throws Error when it
// cannot look at one.
[[nodiscard]] PathLook look_at_path(const std::filesystem::path& path, const Trusted& trusted,
                                    Last last = Last::complete);

// Error(Fault::permission) with owner and mode of what is exposed, and the command that mends it. `what`: "the key",
// before the path.
[[nodiscard]] Error exposed(const Exposure& exposure, const std::filesystem::path& path, std::string_view what);

// Throws exposed() if others can change what `path` leads to; nothing if it leads to nothing.
void require_trusted(const std::filesystem::path& path, std::string_view what, const Trusted& trusted = root_alone());

// Who mounted the file system of a device, by a text like /proc/self/mountinfo; absent if that does not say. Pure.
[[nodiscard]] std::optional<uid_t> mounter_of(std::string_view mountinfo, dev_t device);

} // namespace cedana
