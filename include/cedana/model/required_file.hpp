// SPDX-License-Identifier: Apache-2.0
// What a tree needs by name on the host where it is restored: programs, libraries, files that it reads, folders that
// it is in. CRIU opens them again by their path and fails at the first that is missing or has another size.
#pragma once

#include <cstdint>
#include <string>

namespace cedana {

// other: devices, FIFOs and whatever else has a name; that it is there must do.
enum class RequiredKind { file, folder, other };

struct RequiredFile {
    // Absolute, without links at the time of the dump.
    std::string path = {};
    RequiredKind kind = RequiredKind::file;
    // Of a file.
    std::uint64_t size = 0;

    bool operator==(const RequiredFile&) const = default;
};

} // namespace cedana
