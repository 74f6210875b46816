// SPDX-License-Identifier: Apache-2.0
// Whole-file operations with the guarantees that checkpoints need: complete writes, checked closes, temporary
// folders that go away, folders that are synced. All throw Error with the path in it.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace cedana {

// open(2) with O_CLOEXEC added.
[[nodiscard]] UniqueFd open_file(const std::filesystem::path& path, int flags, mode_t mode = 0);

// All of a file. `limit`: more is an Error, so that a wrong path cannot fill the memory.
[[nodiscard]] std::string read_file(const std::filesystem::path& path, std::size_t limit = 64UL * 1024 * 1024);
// What is left to read of an open file; `path` is for the message. `limit` as above.
[[nodiscard]] std::string read_all(int fd, const std::filesystem::path& path, std::size_t limit);

// write(2) until all is written; retries EINTR and short writes. `path` is for the message.
void write_all(int fd, std::span<const std::byte> data, const std::filesystem::path& path);
void write_all(int fd, std::string_view data, const std::filesystem::path& path);

// Whether `path` is `folder` or lies below it. Both are absolute and in their shortest form, by their texts alone; a
// slash at the end of `folder` makes no difference.
[[nodiscard]] bool lies_below(std::string_view path, std::string_view folder);

// Makes a folder that is its owner's alone, if there is none. Throws Error with `fault`.
void make_private_folder(const std::filesystem::path& folder, Fault fault = Fault::storage);
// The file has all of its new content and this mode, or what it had before: PATH.next is written, flushed and renamed.
// Only a kill may leave PATH.next. Only one process may do so at a time. What is no regular file (/dev/null, say) is
// never replaced. Throws Error(Fault::storage).
void replace_file(const std::filesystem::path& path, std::string_view content, mode_t mode = 0600);

void sync_file(int fd, const std::filesystem::path& path);
// All that was written to the file system on which a file is, so far, and its names: one wait for the disk in place of
// one for each file. False, and nothing is done, where that is not known to do as much as fsync(2) of each. What of a
// file could not be written is told by require_written() alone (before Linux 5.8, syncfs(2)). Throws
// Error(Fault::storage).
[[nodiscard]] bool sync_file_system(int fd, const std::filesystem::path& path);
// Of a file that the kernel has written back. Throws Error(Fault::storage).
void require_written(int fd, const std::filesystem::path& path);

// fsync of a folder, so that a name in it is durable.
void sync_folder(const std::filesystem::path& folder);
// close(2) with its error reported: on network file systems it is where a failed write shows.
void close_checked(UniqueFd fd, const std::filesystem::path& path);

// The paths in a folder, in no order; as far as it could be read, if `error` is set. What is thrown while a range-for
// goes through a directory_iterator is no Error, in spite of the error_code that it was made with.
[[nodiscard]] std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder,
                                                            std::error_code& error);

// A private folder (0700) that is removed with all that is in it on destruction.
class TempDir {
  public:
    // Makes `parent` (0700) if it is missing.
    TempDir(const std::filesystem::path& parent, std::string_view prefix);
    TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TempDir& operator=(TempDir&&) = delete;
    ~TempDir();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    // It is the caller's to remove from now on.
    [[nodiscard]] std::filesystem::path release() noexcept { return std::exchange(path_, {}); }

  private:
    std::filesystem::path path_;
};

// Removes a file at the end of the scope unless commit() was called.
class RemoveOnFailure {
  public:
    explicit RemoveOnFailure(std::filesystem::path path) : path_(std::move(path)) {}
    RemoveOnFailure(RemoveOnFailure&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    RemoveOnFailure& operator=(RemoveOnFailure&&) = delete;
    ~RemoveOnFailure();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    void commit() noexcept { path_.clear(); }

  private:
    std::filesystem::path path_;
};

// Bytes that an unprivileged writer could still put on the file system of `folder`.
[[nodiscard]] std::uint64_t free_space(const std::filesystem::path& folder);

} // namespace cedana
