// SPDX-License-Identifier: Apache-2.0
// Files and folders that somebody has named to go with a tree to another host (`migrate --with-files`), beside what the
// tree writes to. Looking opens none of the files.
#pragma once

#include "cedana/model/named_place.hpp"
#include "cedana/process/written_files.hpp"

#include <filesystem>
#include <vector>

namespace cedana {

struct NamedFiles {
    // With no uses.
    WrittenFiles files;
    // The folders on the way to them, those among them and the links, a folder before what is in it.
    std::vector<NamedPlace> places;
    // Neither files, folders nor links: sockets and their like, which do not go.
    std::vector<std::filesystem::path> left_out;
};

// Each path with all that lies below it; a link as such, followed nowhere but on the way to the path. Throws
// Error(Fault::usage) for what is not there, or in a file system of the kernel's own, and Error for what cannot be
// read.
[[nodiscard]] NamedFiles look_at_named_files(const std::vector<std::filesystem::path>& paths);

} // namespace cedana
