// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/file_place.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/rename.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

mode_t type_at(int folder, const std::string& name) {
    struct ::stat info {};
    return ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 ? info.st_mode & S_IFMT : 0;
}

Error refused_link(const fs::path& link, const fs::path& path) {
    return Error(Fault::checkpoint,
                 fmt::format("cannot put {} back: {} is a symbolic link now, and none is followed",
                             printable(path.string()), link == path ? "it" : printable(link.string())))
        .hint(fmt::format("look where it leads, and remove it: rm {}", shell_word(link.string())));
}

UniqueFd enter(int folder, const std::string& name, const fs::path& so_far, const fs::path& path) {
    UniqueFd entered(::openat(folder, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (entered)
        return entered;
    const int err = errno;
    const std::string here = printable(so_far.string());
    if (type_at(folder, name) == S_IFLNK)
        throw refused_link(so_far, path);
    if (err == ENOENT)
        throw Error(Fault::restore_failed,
                    fmt::format("cannot put {} back: the folder {} does not exist", printable(path.string()), here))
            .hint(fmt::format("create it: mkdir -p {}", shell_word(path.parent_path().string())));
    throw os_error(err, fmt::format("cannot put {} back: cannot open the folder {}", printable(path.string()), here),
                   Fault::restore_failed);
}

// What is written to their files goes to the kernel, and no disk keeps it.
void refuse_file_system_of_kernel(int folder, const fs::path& path) {
    // CGROUP_SUPER_MAGIC and its like fit into 32 bits; statfs(2) has them all.
    constexpr std::array<std::uint32_t, 12> k_of_kernel = {
        PROC_SUPER_MAGIC, SYSFS_MAGIC,   DEBUGFS_MAGIC, TRACEFS_MAGIC,  CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
        SECURITYFS_MAGIC, SELINUX_MAGIC, BPF_FS_MAGIC,  EFIVARFS_MAGIC, PSTOREFS_MAGIC,     BINFMTFS_MAGIC};
    struct ::statfs info {};
    if (::fstatfs(folder, &info) == 0 && std::ranges::count(k_of_kernel, static_cast<std::uint32_t>(info.f_type)) != 0)
        throw Error(Fault::checkpoint, fmt::format("cannot put {} back: it lies in a file system of the kernel's own",
                                                   printable(path.string())));
}

UniqueFd open_folder_of(const fs::path& path, const fs::path& root) {
    UniqueFd folder = open_file(root, O_PATH | O_DIRECTORY);
    fs::path so_far = "/";
    for (const fs::path& part : path.parent_path().relative_path()) {
        so_far /= part;
        folder = enter(folder.get(), part.string(), so_far, path);
    }
    refuse_file_system_of_kernel(folder.get(), path);
    return folder;
}

} // namespace

FilePlace::FilePlace(fs::path path, const fs::path& root)
    : path_(std::move(path)), name_(path_.filename().string()),
      folder_(std::make_shared<const UniqueFd>(open_folder_of(path_, root))) {}

FilePlace::FilePlace(fs::path path, std::shared_ptr<const UniqueFd> folder)
    : path_(std::move(path)), name_(path_.filename().string()), folder_(std::move(folder)) {}

void warn_without_attributes(const FilePlace& place) {
    const int err = errno;
    spdlog::warn("{} is there without its access list or other extended attributes: {}",
                 printable(place.path().string()), errno_text(err));
}

OpenFolders::OpenFolders(fs::path root) : root_(std::move(root)) {}

FilePlace OpenFolders::place(const fs::path& path, const fs::path& folder) {
    std::shared_ptr<const UniqueFd>& opened = folders_[folder.string()];
    if (!opened)
        opened = std::make_shared<const UniqueFd>(open_folder_of(folder / path.filename(), root_));
    return {path, opened};
}

bool FoldersToFlush::add(const FilePlace& place) {
    struct ::stat info {};
    if (::fstat(place.folder(), &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at the folder of {}", printable(place.path().string()));
    return places_.emplace(file_id(info), place).second;
}

void FoldersToFlush::flush() {
    std::map<dev_t, std::vector<const FilePlace*>> disks;
    for (const auto& [folder, place] : places_)
        disks[folder.device].push_back(&place);
    for (const auto& [disk, places] : disks)
        if (places.size() < k_many_to_flush || !places.front()->sync_file_system())
            for (const FilePlace* const place : places)
                place->sync();
    places_.clear();
}

std::optional<struct ::stat> FilePlace::entry(const std::string& name) const {
    struct ::stat info {};
    if (::fstatat(folder(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        return std::nullopt;
    return info;
}

UniqueFd FilePlace::open_present(int flags) const {
    // Nonblocking, so that a fifo cannot make this wait for ever.
    const int how = flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    // Whoever only looks leaves the time of the last access as it is, where the file is its own or it is root.
    UniqueFd fd(::openat(folder(), name_.c_str(), how | O_NOATIME));
    if (!fd && errno == EPERM)
        fd = UniqueFd(::openat(folder(), name_.c_str(), how));
    if (!fd) {
        const int err = errno;
        if (err == ENOENT)
            return {};
        if (type_at(folder(), name_) == S_IFLNK)
            throw refused_link(path_, path_);
        throw os_error(err, fmt::format("cannot open {}", printable(path_.string())), Fault::restore_failed);
    }
    struct ::stat info {};
    if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
        throw Error(Fault::checkpoint,
                    fmt::format("cannot put {} back: it is no regular file now", printable(path_.string())))
            .hint(
                fmt::format("move it away: mv {} {}", shell_word(path_.string()), shell_word(path_.string() + ".old")));
    return fd;
}

bool FilePlace::rename_to_free(const std::string& from, const std::string& to) const {
    int err = rename_at(folder(), from, folder(), to, RENAME_NOREPLACE);
    // Some FUSE file systems have neither such a rename nor hard links: there, looking first is all that can be had.
    if (err == EINVAL || err == ENOSYS)
        err = type_at(folder(), to) != 0 ? EEXIST : rename_at(folder(), from, folder(), to, 0);
    errno = err;
    return err == 0;
}

bool FilePlace::sync_file_system() const {
    const UniqueFd folder = open_folder();
    return folder && cedana::sync_file_system(folder.get(), path_.parent_path());
}

UniqueFd FilePlace::open_folder() const {
    return UniqueFd(::openat(folder_->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void FilePlace::sync() const {
    const UniqueFd folder = open_folder();
    // Some FUSE file systems have no fsync of folders; there, nothing stronger exists.
    if (folder && (::fsync(folder.get()) == 0 || errno == EINVAL || errno == ENOSYS))
        return;
    throw OsFailure(Fault::storage).error("cannot flush the folder {}", printable(path_.parent_path().string()));
}

} // namespace cedana
