// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/link_remap.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/files.hpp"
#include "cedana/model/link_remap.hpp"

#include <algorithm>
#include <system_error>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

namespace cedana {

namespace fs = std::filesystem;

std::vector<fs::path> link_remaps(const fs::path& path, dev_t device, ino_t inode) {
    std::error_code error;
    fs::path folder = path.parent_path();
    while (folder.has_relative_path() && !fs::is_directory(folder, error))
        folder = folder.parent_path();
    const FileId remapped{.device = device, .inode = inode};
    std::vector<fs::path> found;
    for (const fs::path& entry : entries_of(folder, error)) {
        if (is_remap_name(entry.filename().string()) && file_id_at(AT_FDCWD, entry.string()) == remapped)
            found.push_back(entry);
    }
    // Where nobody may look CRIU has made no name either.
    if (error && error != std::errc::permission_denied && error != std::errc::no_such_file_or_directory)
        throw os_error(error.value(), fmt::format("cannot list {}", folder.string()), Fault::storage);
    std::ranges::sort(found);
    return found;
}

} // namespace cedana
