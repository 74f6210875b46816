// SPDX-License-Identifier: Apache-2.0
// Reads a zip archive that nobody vouches for: it is looked through before anything of it is used, sizes in it never
// decide how much memory is taken, and large entries are read as raw compressed bytes at any offset.
#pragma once

#include "cedana/archive/codec.hpp"
#include "cedana/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

struct EntryInfo {
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t compressed = 0;
    // Of the uncompressed data.
    std::uint32_t crc = 0;
    Method method = Method::store;
};

// The compressed data of one entry. Valid as long as its ZipReader.
class RawEntry {
  public:
    [[nodiscard]] const EntryInfo& info() const noexcept { return *info_; }
    // Exactly out.size() bytes from `offset` of the compressed data; from any number of threads at once. Throws
    // Error(Fault::checkpoint) for what lies outside the entry or the file, Error of the errno (Fault::storage) when
    // the file cannot be read.
    void read(std::uint64_t offset, std::span<std::byte> out) const;
    // Where its compressed data begins in the archive's file.
    [[nodiscard]] std::uint64_t start() const noexcept { return start_; }

  private:
    friend class ZipReader;
    RawEntry(const EntryInfo& info, int fd, const std::filesystem::path& path, std::uint64_t start)
        : info_(&info), fd_(fd), path_(&path), start_(start) {}

    const EntryInfo* info_;
    int fd_;
    const std::filesystem::path* path_;
    std::uint64_t start_;
};

class ZipReader {
  public:
    // Keeps the file open: renaming or removing it does no harm afterwards. Throws Error when it cannot be opened, and
    // Error(Fault::checkpoint) when it is not a zip archive or one that is not safe to use: names that are absolute,
    // lead upwards, repeat or hold control characters or backslashes; folders and links; encryption; methods other
    // than Method's; sizes that the file cannot hold.
    explicit ZipReader(std::filesystem::path path);
    ZipReader(const ZipReader&) = delete;
    ZipReader& operator=(const ZipReader&) = delete;
    ~ZipReader();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    // Of the open file, and its size when it was opened.
    [[nodiscard]] int fd() const noexcept;
    [[nodiscard]] std::uint64_t file_size() const noexcept;
    // In the order of the central directory.
    [[nodiscard]] const std::vector<EntryInfo>& entries() const noexcept { return entries_; }
    // Null if there is no such entry.
    [[nodiscard]] const EntryInfo* find(std::string_view name) const;

    // A small entry, decompressed, its CRC compared. Throws Error(Fault::checkpoint) when it is missing, larger than
    // `limit` or damaged; never takes more memory than about twice `limit`.
    [[nodiscard]] std::string read(std::string_view name, std::size_t limit) const;

    // Throws Error(Fault::checkpoint) when it is missing or its local header is not what the directory says. From
    // any number of threads at once.
    [[nodiscard]] RawEntry open_raw(std::string_view name) const;

    // Tells the kernel to read further ahead (posix_fadvise(2)). Without it several threads that read frames in turn
    // spend half of their time waiting for a disk.
    void expect_forward_reading() const;

  private:
    class Container;

    std::filesystem::path path_;
    std::unique_ptr<Container> container_;
    std::vector<EntryInfo> entries_;
    std::map<std::string_view, std::size_t> by_name_;
};

} // namespace cedana
