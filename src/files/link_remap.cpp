// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/link_remap.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/files/file_place.hpp"

#include <algorithm>
#include <cstdint>
#include <system_error>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/random.h>
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

void let_wait(LinkRemap& remap) {
    std::uint64_t own = 0;
    try {
        const FilePlace place(remap.link);
        if (::getrandom(&own, sizeof own, 0) != static_cast<ssize_t>(sizeof own))
            return;
        const std::string name = fmt::format("{}.{:016x}", place.name(), own);
        if (place.rename_to_free(place.name(), name))
            remap.waits = place.beside(name).string();
    } catch (const Error& error) {
        spdlog::debug("{} keeps its name: {}", printable(remap.link), error.message());
    }
}

} // namespace cedana
