// SPDX-License-Identifier: Apache-2.0
// A file that a tree had open for writing, or wrote when it was asked to prepare for the dump, as the manifest tells of
// it: enough to see whether it is still the same, and to put it back. Its content, if it was copied, is an entry of the
// checkpoint.
#pragma once

#include "cedana/base/extended_attributes.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

inline constexpr const char* k_files_folder = "files/";
// The frame index of the entries in that folder; there only if something was copied.
inline constexpr const char* k_files_index_entry = "files/index";

// How a process has a file open.
struct FileUse {
    pid_t pid = 0;
    // -1: mapped, shared and writable.
    int fd = -1;
    // Of open(2).
    unsigned flags = 0;

    // Nothing written through it changes what is in the file already.
    [[nodiscard]] bool appends() const noexcept;
    bool operator==(const FileUse&) const = default;
};

struct CapturedFile {
    // Absolute, without links at the time of the dump; any bytes but zero.
    std::string path = {};
    // "0" for the entry files/0; empty: the content was not copied.
    std::string entry = {};
    std::uint64_t size = 0;
    // Of the content, in hexadecimal; empty: not known, and size and time of change must do.
    std::string digest = {};
    // In its place, of a large file that is mostly holes: of its blocks (files/sparse_copy.hpp).
    std::string blocks_digest = {};
    // Permissions with set-user-ID and its like, without the type.
    mode_t mode = 0;
    uid_t owner = 0;
    gid_t group = 0;
    ExtendedAttributes extended_attributes = {};
    // Nanoseconds since 1970.
    std::int64_t accessed = 0;
    std::int64_t modified = 0;
    // None if the tree had written it and did not have it open.
    std::vector<FileUse> uses = {};

    // CRIU opens it again and must find it as it was.
    [[nodiscard]] bool is_open() const noexcept { return !uses.empty(); }
    bool operator==(const CapturedFile&) const = default;
};

} // namespace cedana
