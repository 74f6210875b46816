// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/trusted_path.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/base/users.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <vector>

#include <climits>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

std::string command(std::string_view words, const fs::path& path) {
    return fmt::format("{} {}", words, shell_word(path.string()));
}

// As far as the mode alone goes.
bool is_left_to_others(const PathStep& step, const Trusted& trusted) {
    const bool group_is_trusted = trusted.groups.contains(step.group) && !step.has_access_list;
    return (step.mode & S_IWOTH) != 0 || ((step.mode & S_IWGRP) != 0 && !group_is_trusted);
}

Exposure exposed_by_mode(const PathStep& step, const Trusted& trusted) {
    if ((step.mode & S_IWOTH) != 0) {
        const bool group_too = (step.mode & S_IWGRP) != 0 && !trusted.groups.contains(step.group);
        return {step, "everybody may write to", command(group_too ? "chmod go-w" : "chmod o-w", step.path)};
    }
    if (step.has_access_list)
        return {step, "an access list lets others write to", command("setfacl -b", step.path)};
    return {step, fmt::format("its group {} may write to", group_name(step.group)), command("chmod g-w", step.path)};
}

// Of a step that somebody else owns.
std::string owner_remedy(const PathStep& step) {
    // exports(5): anonuid, unless it is set.
    constexpr uid_t k_nobody = 65534;
    // Root of this host may change nothing there.
    if (step.on_nfs && step.owner == k_nobody)
        return "its NFS server has root_squash, so what root makes there is nobody's: set security.strict_permissions "
               "to false (to restore from there, it is enough to name the keys that sign checkpoints in "
               "security.trusted_keys), or export it with no_root_squash";
    return command(S_ISLNK(step.mode) ? "chown -h root" : "chown root", step.path);
}

struct ::stat stat_of(int fd, const fs::path& path) {
    struct ::stat info {};
    if (::fstat(fd, &info) != 0)
        throw OsFailure().error("cannot look at {}", printable(path.string()));
    return info;
}

PathStep step_at(int fd, const fs::path& path) {
    const struct ::stat info = stat_of(fd, path);
    PathStep step{.path = path, .mode = info.st_mode, .owner = info.st_uid, .group = info.st_gid};
    struct ::statfs system {};
    if (::fstatfs(fd, &system) == 0) {
        step.of_processes = system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC;
        step.of_a_program = system.f_type == FUSE_SUPER_MAGIC;
        step.on_nfs = system.f_type == NFS_SUPER_MAGIC;
    }
    if (step.of_a_program)
        step.mounter = mounter_of(read_file("/proc/self/mountinfo"), info.st_dev);
    // Of a descriptor that only names a file the attributes cannot be read (open(2), O_PATH).
    if ((step.mode & S_IWGRP) != 0 && !S_ISLNK(step.mode))
        step.has_access_list =
            ::getxattr(fmt::format("/proc/self/fd/{}", fd).c_str(), "system.posix_acl_access", nullptr, 0) > 0;
    return step;
}

std::string target_of(int link, const fs::path& path) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlinkat(link, "", target.data(), target.size());
    if (length < 0)
        throw OsFailure().error("cannot read the link {}", printable(path.string()));
    return {target.data(), static_cast<std::size_t>(length)};
}

// Goes along a path as the kernel does, without leaving any step out.
class Walk {
  public:
    Walk(const Trusted& trusted, Last last) : trusted_(trusted), last_(last) {}

    PathLook along(const fs::path& path) {
        PathLook look;
        begin_with(fs::absolute(path));
        while (true) {
            const PathStep step = step_at(here_.get(), place_);
            if (S_ISLNK(step.mode)) {
                if ((look.exposure = exposure_of(step, trusted_, Last::complete)))
                    return look;
                follow(step);
                continue;
            }
            const bool at_end = parts_.empty();
            if ((look.exposure = exposure_of(step, trusted_, at_end ? last_ : Last::names_of_others)))
                return look;
            if (at_end) {
                const struct ::stat info = stat_of(here_.get(), place_);
                look.file.emplace(info.st_dev, info.st_ino);
                return look;
            }
            if (!enter(step))
                return look;
        }
    }

  private:
    void begin_with(const fs::path& path) {
        for (const fs::path& part : path.relative_path())
            parts_.push_back(part.string());
        go_to_root();
    }
    void go_to_root() {
        here_ = open_file("/", O_PATH | O_DIRECTORY);
        place_ = "/";
    }

    // The link's text takes the place of its name.
    void follow(const PathStep& link) {
        constexpr int k_most_links = 40;
        if (++links_ > k_most_links)
            throw os_error(ELOOP, fmt::format("cannot look at {}", printable(link.path.string())), Fault::usage);
        const fs::path target = target_of(here_.get(), link.path);
        std::deque<std::string> parts;
        for (const fs::path& part : target.relative_path())
            parts.push_back(part.string());
        parts_.insert(parts_.begin(), parts.begin(), parts.end());
        here_ = std::move(folder_);
        place_ = link.path.parent_path();
        if (target.is_absolute())
            go_to_root();
    }

    // False if nothing is there.
    bool enter(const PathStep& folder) {
        const std::string name = std::move(parts_.front());
        parts_.pop_front();
        if (name.empty() || name == ".")
            return true;
        UniqueFd next(::openat(here_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!next) {
            const int err = errno;
            if (err == ENOENT || err == ENOTDIR)
                return false;
            throw os_error(err, fmt::format("cannot look at {}", printable((folder.path / name).string())));
        }
        place_ = name == ".." ? place_.parent_path() : place_ / name;
        folder_ = std::exchange(here_, std::move(next));
        return true;
    }

    const Trusted& trusted_;
    Last last_;
    std::deque<std::string> parts_;
    UniqueFd here_;
    // That which holds `here_`.
    UniqueFd folder_;
    fs::path place_;
    int links_ = 0;
};

} // namespace

Trusted root_alone() { return has_no_members_but(0, "root") ? Trusted{.groups = {0}} : Trusted{}; }

Trusted root_and(uid_t uid, gid_t gid) {
    Trusted trusted = root_alone();
    trusted.user = uid;
    if (const std::string name = user_name(uid); group_name(gid) == name && has_no_members_but(gid, name))
        trusted.groups.insert(gid);
    return trusted;
}

std::optional<Exposure> exposure_of(const PathStep& step, const Trusted& trusted, Last last) {
    if (step.of_processes)
        return Exposure{step, "processes and devices decide what is read from", ""};
    if (step.of_a_program && !step.mounter)
        return Exposure{step, "it is not known who serves the file system of", ""};
    if (step.of_a_program && !trusted.has(*step.mounter))
        return Exposure{step, fmt::format("user {} serves the file system of", user_name(*step.mounter)), ""};
    const bool is_link = S_ISLNK(step.mode);
    if (!trusted.has(step.owner))
        return Exposure{step, fmt::format("user {} owns", user_name(step.owner)), owner_remedy(step)};
    const bool keeps_names = S_ISDIR(step.mode) && (step.mode & S_ISVTX) != 0 && last == Last::names_of_others;
    if (is_link || keeps_names || !is_left_to_others(step, trusted))
        return std::nullopt;
    return exposed_by_mode(step, trusted);
}

PathLook look_at_path(const fs::path& path, const Trusted& trusted, Last last) {
    return Walk(trusted, last).along(path);
}

Error exposed(const Exposure& exposure, const fs::path& path, std::string_view what) {
    const PathStep& step = exposure.step;
    Error error(Fault::permission,
                fmt::format("{} {} is refused, since others can change it: {} {} (owner {}, group {}, mode {:04o})",
                            what, printable(path.string()), exposure.how,
                            step.path == path ? "it" : printable(step.path.string()), user_name(step.owner),
                            group_name(step.group), static_cast<unsigned>(step.mode) & 07777U));
    return error.hint(exposure.remedy);
}

void require_trusted(const fs::path& path, std::string_view what, const Trusted& trusted) {
    if (const auto exposure = look_at_path(path, trusted).exposure)
        throw exposed(*exposure, path, what);
}

std::optional<uid_t> mounter_of(std::string_view mountinfo, dev_t device) {
    constexpr std::string_view k_user = "user_id=";
    const std::string wanted = fmt::format("{}:{}", major(device), minor(device));
    for (const Mount& mount : parse_mounts(mountinfo)) {
        if (mount.device != wanted)
            continue;
        // What a hypervisor serves only root can mount, and no user is named.
        if (mount.type == "virtiofs")
            return 0;
        for (const std::string& option : split(mount.options, ',')) {
            std::int64_t user = 0;
            if (option.starts_with(k_user) && parse_number(std::string_view(option).substr(k_user.size()), user))
                return static_cast<uid_t>(user);
        }
    }
    return std::nullopt;
}

} // namespace cedana
