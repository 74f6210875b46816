// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/required_files.hpp"

#include "cedana/process/open_files.hpp"
#include "cedana/process/written_files.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <sys/stat.h>

namespace cedana {

namespace {

// What every host has of its own making, or nobody but the program itself.
bool is_made_up(std::string_view path) {
    constexpr std::array<std::string_view, 4> k_folders = {"/proc/", "/sys/", "/dev/pts/", "/dev/shm/"};
    return std::ranges::any_of(k_folders, [path](std::string_view folder) { return path.starts_with(folder); }) ||
           path == "/dev/tty";
}

// Files that anybody in the tree writes to have other sizes later.
std::set<FileId> written_by(const TreeHoldings& tree) {
    std::set<FileId> written;
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open)
            if (file.info && S_ISREG(file.info->st_mode) && file.writable())
                written.insert(file_id(*file.info));
        for (const MappedFile& file : one.mapped)
            if (file.info && file.written)
                written.insert(file_id(*file.info));
    }
    return written;
}

class RequiredCollection {
  public:
    explicit RequiredCollection(std::set<FileId> written) : written_(std::move(written)) {}

    // The kernel gives paths without links, so what lies there is what it was, if it is the same file.
    void add(const std::string& path, const struct ::stat& info) {
        struct ::stat seen {};
        if (!path.starts_with('/') || is_made_up(path) || ::lstat(path.c_str(), &seen) != 0 ||
            file_id(seen) != file_id(info) || written_.contains(file_id(info)))
            return;
        RequiredFile file{.path = path, .kind = RequiredKind::other};
        if (S_ISDIR(info.st_mode))
            file.kind = RequiredKind::folder;
        if (S_ISREG(info.st_mode)) {
            file.kind = RequiredKind::file;
            file.size = static_cast<std::uint64_t>(info.st_size);
        }
        found_.emplace(path, std::move(file));
    }
    [[nodiscard]] std::vector<RequiredFile> take() {
        std::vector<RequiredFile> files;
        for (auto& [path, file] : found_)
            files.push_back(std::move(file));
        return files;
    }

  private:
    std::set<FileId> written_;
    std::map<std::string, RequiredFile> found_;
};

void add_link(RequiredCollection& collection, const Procfs& procfs, pid_t pid, const char* name) {
    const auto target = procfs.link(pid, name);
    const auto info = procfs.file(pid, name);
    if (target && info)
        collection.add(*target, *info);
}

// A socket's name in the file system is made again by CRIU.
bool is_needed(const struct ::stat& info) { return !S_ISSOCK(info.st_mode); }

} // namespace

std::vector<RequiredFile> required_files(const Procfs& procfs, const TreeHoldings& tree) {
    RequiredCollection collection(written_by(tree));
    for (const Holdings& one : tree) {
        const pid_t pid = one.process.pid();
        for (const char* name : {"exe", "cwd", "root"})
            add_link(collection, procfs, pid, name);
        for (const OpenFile& file : one.open)
            if (file.info && is_needed(*file.info))
                collection.add(file.target, *file.info);
        for (const MappedFile& file : one.mapped)
            if (const auto info = procfs.file(pid, ("root" + file.target).c_str()))
                collection.add(file.target, *info);
    }
    return collection.take();
}

} // namespace cedana
