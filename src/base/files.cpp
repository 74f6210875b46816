// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"

#include "cedana/base/error.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

UniqueFd open_file(const fs::path& path, int flags, mode_t mode) {
    UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (!fd) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot open {}", path.string()));
    }
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
        if (count < 0) {
            const int err = errno;
            throw os_error(err, fmt::format("cannot read {}", path.string()));
        }
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
        if (count < 0) {
            const int err = errno;
            throw os_error(err, fmt::format("cannot write {}", path.string()), Fault::storage);
        }
        data = data.subspan(static_cast<std::size_t>(count));
    }
}

void write_all(int fd, std::string_view data, const fs::path& path) {
    write_all(fd, std::as_bytes(std::span(data.data(), data.size())), path);
}

void sync_file(int fd, const fs::path& path) {
    if (::fsync(fd) != 0) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot flush {} to the disk", path.string()), Fault::storage);
    }
}

void sync_folder(const fs::path& folder) {
    const UniqueFd fd = open_file(folder, O_RDONLY | O_DIRECTORY);
    // Some FUSE file systems have no fsync of folders; there, nothing stronger exists.
    if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOSYS) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot flush the folder {}", folder.string()), Fault::storage);
    }
}

void close_checked(UniqueFd fd, const fs::path& path) {
    if (::close(fd.release()) != 0) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot close {}", path.string()), Fault::storage);
    }
}

namespace {

bool is_file(const fs::path& path, const struct ::stat& file) {
    struct ::stat there {};
    return ::lstat(path.c_str(), &there) == 0 && there.st_dev == file.st_dev && there.st_ino == file.st_ino;
}

} // namespace

bool rename_new(const fs::path& from, const fs::path& to) {
    struct ::stat file {};
    const bool known = ::lstat(from.c_str(), &file) == 0;
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
        return true;
    int err = errno;
    // EINVAL: the file system has no RENAME_NOREPLACE (rename(2)); a hard link never replaces either.
    if (err == EINVAL || err == ENOSYS) {
        if (::link(from.c_str(), to.c_str()) == 0) {
            if (::unlink(from.c_str()) != 0)
                spdlog::warn("cannot remove {} after it was linked to {}", from.string(), to.string());
            return true;
        }
        err = errno;
    }
    // A file server may have done it although its answer was lost; asked again, it says that the old name is gone or
    // the new one taken. It counts for as much as any other rename: for nothing until the folder is flushed.
    if (known && is_file(to, file)) {
        if (is_file(from, file))
            ::unlink(from.c_str());
        return true;
    }
    if (err == EEXIST)
        return false;
    throw os_error(err, fmt::format("cannot rename {} to {}", from.string(), to.string()), Fault::storage);
}

TempDir::TempDir(const fs::path& parent, std::string_view prefix) {
    std::error_code ignored;
    if (fs::create_directories(parent, ignored))
        ::chmod(parent.c_str(), 0700);
    std::string name = (parent / fmt::format("{}.XXXXXX", prefix)).string();
    if (::mkdtemp(name.data()) == nullptr) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot make a temporary folder in {}", parent.string()), Fault::storage);
    }
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
    if (::statvfs(folder.c_str(), &info) != 0) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot look at the file system of {}", folder.string()), Fault::storage);
    }
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

} // namespace cedana
