// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

UniqueFd open_file(const fs::path& path, int flags, mode_t mode) {
    UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (!fd)
        throw OsFailure().error("cannot open {}", path.string());
    return fd;
}

std::string read_file(const fs::path& path, std::size_t limit) {
    const UniqueFd fd = open_file(path, O_RDONLY);
    return read_all(fd.get(), path, limit);
}

std::string read_all(int fd, const fs::path& path, std::size_t limit) {
    std::string content;
    std::array<char, 64 * 1024> buffer;
    while (true) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw OsFailure().error("cannot read {}", path.string());
        if (count == 0)
            return content;
        content.append(buffer.data(), static_cast<std::size_t>(count));
        if (content.size() > limit)
            throw Error(Fault::usage, fmt::format("{} is larger than {} bytes", path.string(), limit));
    }
}

void write_all(int fd, std::span<const std::byte> data, const fs::path& path) {
    while (!data.empty()) {
        const ssize_t count = ::write(fd, data.data(), data.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw OsFailure(Fault::storage).error("cannot write {}", path.string());
        data = data.subspan(static_cast<std::size_t>(count));
    }
}

void write_all(int fd, std::string_view data, const fs::path& path) {
    write_all(fd, std::as_bytes(std::span(data.data(), data.size())), path);
}

bool lies_below(std::string_view path, std::string_view folder) {
    if (folder.ends_with('/'))
        folder.remove_suffix(1);
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

void make_private_folder(const fs::path& folder, Fault fault) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw OsFailure(fault).error("cannot make {}", folder.string());
}

void replace_file(const fs::path& path, std::string_view content, mode_t mode) {
    std::error_code ignored;
    if (const auto there = fs::status(path, ignored); fs::exists(there) && !fs::is_regular_file(there))
        throw Error(Fault::storage, fmt::format("{} is no regular file, and is not replaced", path.string()));
    const fs::path next = path.string() + ".next";
    UniqueFd file = open_file(next, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    RemoveOnFailure remove(next);
    write_all(file.get(), content, next);
    if (::fchmod(file.get(), mode) != 0)
        throw OsFailure(Fault::storage).error("cannot give {} its mode", next.string());
    sync_file(file.get(), next);
    close_checked(std::move(file), next);
    if (::rename(next.c_str(), path.c_str()) != 0)
        throw OsFailure(Fault::storage).error("cannot rename {} to {}", next.string(), path.filename().string());
    remove.commit();
    sync_folder(path.has_parent_path() ? path.parent_path() : ".");
}

void sync_file(int fd, const fs::path& path) {
    if (::fsync(fd) != 0)
        throw OsFailure(Fault::storage).error("cannot flush {} to the disk", path.string());
}

// A file server is told of each file by fsync(2) alone, as is the process behind a FUSE file system (fs/fuse/inode.c,
// fuse_sync_fs).
bool sync_file_system(int fd, const fs::path& path) {
    constexpr std::array<std::uint32_t, 6> k_whole = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                                      F2FS_SUPER_MAGIC, TMPFS_MAGIC,     OVERLAYFS_SUPER_MAGIC};
    struct ::statfs info {};
    if (::fstatfs(fd, &info) != 0 || std::ranges::count(k_whole, static_cast<std::uint32_t>(info.f_type)) == 0)
        return false;
    if (::syncfs(fd) != 0)
        throw OsFailure(Fault::storage).error("cannot flush the file system of {} to the disk", path.string());
    return true;
}

// What is not being written back any more is only asked for its error (mm/filemap.c, file_check_and_advance_wb_err).
void require_written(int fd, const fs::path& path) {
    if (::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) != 0)
        throw OsFailure(Fault::storage).error("cannot flush {} to the disk", path.string());
}

void sync_folder(const fs::path& folder) {
    const UniqueFd fd = open_file(folder, O_RDONLY | O_DIRECTORY);
    // Some FUSE file systems have no fsync of folders; there, nothing stronger exists.
    if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOSYS)
        throw OsFailure(Fault::storage).error("cannot flush the folder {}", folder.string());
}

void close_checked(UniqueFd fd, const fs::path& path) {
    if (::close(fd.release()) != 0)
        throw OsFailure(Fault::storage).error("cannot close {}", path.string());
}

std::vector<fs::path> entries_of(const fs::path& folder, std::error_code& error) {
    std::vector<fs::path> entries;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error))
        entries.push_back(entry->path());
    if (error)
        spdlog::debug("cannot list {}: {}", folder.string(), error.message());
    return entries;
}

TempDir::TempDir(const fs::path& parent, std::string_view prefix) {
    std::error_code ignored;
    if (fs::create_directories(parent, ignored))
        ::chmod(parent.c_str(), 0700);
    std::string name = (parent / fmt::format("{}.XXXXXX", prefix)).string();
    if (::mkdtemp(name.data()) == nullptr)
        throw OsFailure(Fault::storage).error("cannot make a temporary folder in {}", parent.string());
    path_ = name;
}

TempDir::~TempDir() {
    if (path_.empty())
        return;
    std::error_code error;
    fs::remove_all(path_, error);
    if (error)
        spdlog::warn("cannot remove {}: {}", path_.string(), error.message());
}

RemoveOnFailure::~RemoveOnFailure() {
    if (!path_.empty())
        ::unlink(path_.c_str());
}

std::uint64_t free_space(const fs::path& folder) {
    struct statvfs info {};
    if (::statvfs(folder.c_str(), &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at the file system of {}", folder.string());
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

} // namespace cedana
