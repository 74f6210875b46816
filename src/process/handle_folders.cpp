// SPDX-License-Identifier: Apache-2.0
#include "handle_folders.hpp"

#include "cedana/process/written_files.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <sys/vfs.h>

namespace cedana {

namespace {

std::optional<std::uint64_t> file_system_of(const UniqueFd& folder) {
    struct ::statfs info {};
    if (::fstatfs(folder.get(), &info) != 0)
        return std::nullopt;
    std::uint64_t id = 0;
    static_assert(sizeof id == sizeof info.f_fsid);
    std::memcpy(&id, &info.f_fsid, sizeof id);
    return id;
}

bool is_at_its_name(const UniqueFd& file) {
    std::error_code error;
    const auto path = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), error);
    struct ::stat info {};
    return !error && ::fstat(file.get(), &info) == 0 && is_seen_at(path.string(), info);
}

} // namespace

bool HandleFolders::add(const std::string& path) {
    // Bind mounts of one file system: by the first of them most files are found.
    constexpr std::size_t k_most = 16;
    UniqueFd folder = open_folder_for_handles(path);
    const auto id = folder ? file_system_of(folder) : std::nullopt;
    const auto handle = id ? file_handle_of(folder) : std::nullopt;
    // Overlay without nfs_export has handles for who compares them alone.
    if (!handle || !open_by_handle(folder, *handle))
        return false;
    if (std::vector<UniqueFd>& known = folders_[*id]; known.size() < k_most)
        known.push_back(std::move(folder));
    return true;
}

UniqueFd HandleFolders::open(std::uint64_t file_system, const FileHandle& handle) const {
    const auto known = folders_.find(file_system);
    UniqueFd first;
    if (known == folders_.end()) {
        errno = ENXIO;
        return first;
    }
    for (const UniqueFd& folder : known->second) {
        UniqueFd file = open_by_handle(folder, handle);
        if (!file)
            return file;
        if (is_at_its_name(file))
            return file;
        if (!first)
            first = std::move(file);
    }
    return first;
}

} // namespace cedana
