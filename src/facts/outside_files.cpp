// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/outside_files.hpp"

#include "cedana/base/file_id.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/facts/shared_memory.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace cedana {

namespace {

// Of the kernel's own mount of tmpfs or hugetlbfs, which is in nobody's list: CRIU takes it by what it is
// (criu/files.c, dump_one_file; criu/memfd.c). A shared anonymous mapping can be open too, by map_files.
bool is_open_memory(const OpenFile& file) { return S_ISREG(file.info->st_mode) && is_shared_memory(file.target); }

bool is_looked_up(const struct ::stat& info) {
    constexpr unsigned k_memory = 1;
    return S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) || (S_ISCHR(info.st_mode) && major(info.st_rdev) == k_memory);
}

// The kernel gives paths as they are here, if the mount is one of ours.
bool is_same_here(const OpenFile& file) {
    struct ::stat here {};
    return ::lstat(file.target.c_str(), &here) == 0 && file_id(here) == file_id(*file.info);
}

} // namespace

TreeMounts::TreeMounts(const Procfs& procfs, const TreeHoldings& tree) {
    std::set<std::string> seen;
    for (const Holdings& one : tree)
        if (seen.insert(one.namespaces.get("mnt").value_or("")).second)
            for (const Mount& mount : parse_mounts(procfs.read(one.process.pid(), "mountinfo").value_or("")))
                numbers_.insert(mount.id);
}

bool is_looked_up_by_mount(const OpenFile& file) {
    return file.mount && file.info && is_looked_up(*file.info) && file.target.starts_with('/') && !is_open_memory(file);
}

bool TreeMounts::lack(const OpenFile& file) const {
    return !numbers_.empty() && is_looked_up_by_mount(file) && !numbers_.contains(*file.mount);
}

std::optional<OutsideFile> as_outside_file(const OpenFile& file) {
    OutsideFile outside{.id = external_id(*file.mount, file.info->st_ino), .path = file.target};
    if (S_ISCHR(file.info->st_mode))
        outside.path = path_of_stateless(file.info->st_rdev);
    else if (!is_same_here(file))
        return std::nullopt;
    return outside.path.empty() ? std::nullopt : std::optional(std::move(outside));
}

std::vector<OutsideFile> outside_files(const Procfs& procfs, const TreeHoldings& tree) {
    const TreeMounts mounts(procfs, tree);
    std::vector<OutsideFile> files;
    for (const Holdings& one : tree)
        for (const OpenFile& file : one.open)
            if (mounts.lack(file))
                if (auto outside = as_outside_file(file); outside && std::ranges::count(files, *outside) == 0)
                    files.push_back(std::move(*outside));
    return files;
}

} // namespace cedana
