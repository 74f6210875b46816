// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/lost_names.hpp"

#include "cedana/base/open_folder.hpp"
#include "cedana/model/link_remap.hpp"

#include <filesystem>
#include <utility>

#include <sys/stat.h>

namespace cedana {

std::vector<WrittenFile> find_by_inode(const std::string& folder, std::set<FileId> wanted) {
    std::vector<WrittenFile> found;
    std::set<ino_t> inodes;
    for (const FileId& file : wanted)
        inodes.insert(file.inode);
    const OpenFolder open(::opendir(folder.c_str()));
    while (open && !wanted.empty()) {
        const dirent* const entry = ::readdir(open.get());
        if (entry == nullptr)
            break;
        // CRIU's own is none that stays.
        if (!inodes.contains(entry->d_ino) || is_remap_name(entry->d_name))
            continue;
        const std::string path = std::filesystem::path(folder) / entry->d_name;
        struct ::stat info {};
        if (::lstat(path.c_str(), &info) == 0 && wanted.erase(file_id(info)) != 0)
            found.push_back({.path = path, .info = info, .uses = {}});
    }
    return found;
}

} // namespace cedana
