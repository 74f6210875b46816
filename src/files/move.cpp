// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/move.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/rename.hpp"
#include "cedana/base/text.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/files/verified_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_move_block = 1024UL * 1024;

struct ::stat stat_of(int fd, const fs::path& path) {
    struct ::stat info {};
    if (::fstat(fd, &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at {}", path.string());
    return info;
}

struct FileAtPath {
    int fd;
    fs::path path;
};

std::span<std::byte> read_block(const FileAtPath& file, std::span<std::byte> buffer, off_t offset) {
    return buffer.first(read_at(file.fd, static_cast<std::uint64_t>(offset), buffer, file.path));
}

void copy(const FileAtPath& from, const FileAtPath& to, const Interrupt& interrupt, Progress& progress) {
    const auto total = static_cast<std::uint64_t>(stat_of(from.fd, from.path).st_size);
    std::vector<std::byte> buffer(k_move_block);
    for (off_t offset = 0;;) {
        interrupt.throw_if_pending();
        const auto block = read_block(from, buffer, offset);
        if (block.empty())
            return;
        write_all(to.fd, block, to.path);
        offset += static_cast<off_t>(block.size());
        progress.bytes(static_cast<std::uint64_t>(offset), total);
    }
}

// What a network file system took may not be what it gives back; the pages are dropped first, so that it is asked.
void compare(const FileAtPath& from, const FileAtPath& to, const Interrupt& interrupt) {
    ::posix_fadvise(to.fd, 0, 0, POSIX_FADV_DONTNEED);
    std::vector<std::byte> expected(k_move_block);
    std::vector<std::byte> found(k_move_block);
    for (off_t offset = 0;;) {
        interrupt.throw_if_pending();
        const auto a = read_block(from, expected, offset);
        const auto b = read_block(to, found, offset);
        if (a.size() != b.size() || std::memcmp(a.data(), b.data(), a.size()) != 0)
            throw Error(Fault::storage, fmt::format("{} does not hold what was written to it", to.path.string()))
                .hint("check the shared storage; the local checkpoint is whole");
        if (a.empty())
            return;
        offset += static_cast<off_t>(a.size());
    }
}

// What was renamed is there, whole; what may not last is its name. Back to where it was, if that can be had.
void undo_rename(const fs::path& renamed, const fs::path& checkpoint, Error& error) {
    if (try_rename_new(renamed, checkpoint) == 0)
        return;
    spdlog::warn("the checkpoint may be gone if this host goes down now");
    error.hint(fmt::format("the checkpoint is whole: {}", renamed.string()));
}

void remove_moved(VerifiedFile& original, const fs::path& moved) {
    std::string why = "another file has its name now";
    try {
        if (original.remove())
            return;
    } catch (const Error& error) {
        why = error.message();
    }
    spdlog::warn("{} is left after it was moved to {}: {}", original.path().string(), moved.string(), why);
}

// Somebody may have given its name to another file after it was opened.
void require_moved(int file, const fs::path& checkpoint, const fs::path& moved) {
    if (file_id_at(AT_FDCWD, moved.string()) == file_id(stat_of(file, checkpoint)))
        return;
    Error error(Fault::storage, fmt::format("{} was replaced while it was moved", checkpoint.string()));
    if (const int err = try_rename_new(moved, checkpoint); err != 0)
        error.hint(fmt::format("what replaced it has the name {} now: {}", moved.string(), errno_text(err)));
    throw error;
}

// The name under which it was renamed, absent if `folder` is on another file system.
std::optional<fs::path> rename_into(const fs::path& checkpoint, const fs::path& folder) {
    const UniqueFd here = open_file(checkpoint, O_RDONLY);
    const UniqueFd there = open_file(folder, O_RDONLY | O_DIRECTORY);
    if (stat_of(here.get(), checkpoint).st_dev != stat_of(there.get(), folder).st_dev)
        return std::nullopt;
    const std::string stem = checkpoint.stem().string();
    for (int number = 1;; ++number) {
        const fs::path target = folder / numbered_name(stem, number);
        // Two bind mounts of one file system have the same device and cannot be renamed across (rename(2), EXDEV).
        const int err = try_rename_new(checkpoint, target);
        if (err == 0) {
            require_moved(here.get(), checkpoint, target);
            return target;
        }
        if (err == EXDEV)
            return std::nullopt;
        if (err != EEXIST)
            throw os_error(err, fmt::format("cannot rename {} to {}", checkpoint.string(), target.string()),
                           Fault::storage);
    }
}

} // namespace

void require_mount_point(const fs::path& folder, MountRule rule) {
    require_folder(folder, "shared_storage.mount_point");
    if (rule == MountRule::mounted && !is_mounted(folder))
        throw Error(
            Fault::storage,
            fmt::format("shared_storage.mount_point {} is a plain folder: nothing is mounted there", folder.string()))
            .hint(fmt::format("mount it (mount {}), or set shared_storage.require_mount to false",
                              shell_word(folder.string())));
}

fs::path move_checkpoint(const fs::path& checkpoint, const fs::path& folder, const Interrupt& interrupt,
                         Progress& progress) {
    require_folder(folder, "shared_storage.mount_point");
    std::error_code vanished;
    if (fs::equivalent(checkpoint.parent_path(), folder, vanished))
        return checkpoint;
    if (const auto renamed = rename_into(checkpoint, folder)) {
        try {
            sync_folder(folder);
            sync_folder(checkpoint.parent_path());
        } catch (Error& error) {
            undo_rename(*renamed, checkpoint, error);
            throw;
        }
        return *renamed;
    }
    const UniqueFd source = open_file(checkpoint, O_RDONLY);
    VerifiedFile original(checkpoint, source.get());
    remove_abandoned(folder);
    PendingCheckpoint pending(folder, checkpoint.stem().string());
    const FileAtPath from{.fd = source.get(), .path = checkpoint};
    const FileAtPath to{.fd = pending.fd(), .path = pending.partial()};
    copy(from, to, interrupt, progress);
    sync_file(to.fd, to.path);
    compare(from, to, interrupt);
    fs::path moved = pending.publish();
    remove_moved(original, moved);
    return moved;
}

} // namespace cedana
