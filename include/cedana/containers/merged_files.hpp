// SPDX-License-Identifier: Apache-2.0
// The two archives of a folder of a container (folder_capture.hpp) as the one that podman unpacks before it removes
// what is to be deleted. podman's unpacking puts a file in the place of whatever has its name, and keeps a folder that
// is there already (containers/storage, pkg/archive).
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/containers/folder_capture.hpp"
#include "cedana/containers/tar_writer.hpp"
#include "cedana/model/image_stream.hpp"

#include <set>
#include <string>
#include <vector>

namespace cedana::containers {

struct MergedFiles {
    FolderImages images;
    // Of the folder below the overlay: a folder of the archives that is among them has nothing of what is in the
    // image's folder of that name. Paths as parse_removed() gives them.
    std::set<std::string> removed = {};
    // In the first archive, and gone when the second was made.
    std::set<std::string> outdated = {};
};

// Writes it into `archive`. What of `removed` is left to be deleted once that is unpacked. Throws
// Error(Fault::checkpoint) for archives that lead out of their folder or do not belong together.
[[nodiscard]] std::vector<std::string> write_merged_files(const MergedFiles& files, ImageSource& source,
                                                          TarWriter& archive, const Interrupt& interrupt);

} // namespace cedana::containers
