// SPDX-License-Identifier: Apache-2.0
// What an archive says of one of its files, on its way into another archive.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/containers/root_folder.hpp"
#include "cedana/containers/tar_writer.hpp"

#include <cstddef>
#include <string>

#include <sys/stat.h>

#include "archives.hpp"

namespace cedana::containers {

// Of the file alone, whatever leads to it. Throws Error(Fault::checkpoint) for a name that leads out of the archive's
// folder.
inline TarEntry read_tar_entry(archive_entry* from) {
    const auto text = [](const char* one) { return std::string(one == nullptr ? "" : one); };
    TarEntry entry{.name = parse_inner_path(text(::archive_entry_pathname(from))), .info = *::archive_entry_stat(from)};
    if (entry.name.empty())
        entry.name = ".";
    if (S_ISLNK(entry.info.st_mode))
        entry.target = text(::archive_entry_symlink(from));
    if (const char* const same = ::archive_entry_hardlink(from); same != nullptr) {
        entry.same_as = parse_inner_path(same);
        if (entry.same_as.empty())
            throw Error(Fault::checkpoint, "the checkpoint is not safe to use: a file of it is the same as its folder");
    }
    ::archive_entry_xattr_reset(from);
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    while (::archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK)
        entry.attributes.emplace_back(text(name), std::string(static_cast<const char*>(value), size));
    return entry;
}

} // namespace cedana::containers
