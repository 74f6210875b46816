// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/backups.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/files/file_place.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// A path may have any byte but this.
constexpr char k_end_of_path = '\0';

// Who has it works alone on the record. Invalid: there is no such folder.
UniqueFd locked(const fs::path& folder) {
    UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd && errno == ENOENT)
        return fd;
    if (!fd || ::flock(fd.get(), LOCK_EX) != 0)
        throw OsFailure(Fault::storage).error("cannot lock {}", folder.string());
    return fd;
}

fs::path record_in(const fs::path& folder) { return folder / "backups"; }

std::vector<fs::path> read_paths(const fs::path& folder) {
    std::error_code ignored;
    if (!fs::exists(record_in(folder), ignored))
        return {};
    std::vector<fs::path> paths;
    for (const std::string& path : split(read_file(record_in(folder)), k_end_of_path))
        if (!path.empty())
            paths.emplace_back(path);
    return paths;
}

void write_paths(const fs::path& folder, const std::vector<fs::path>& paths) {
    std::string text;
    for (const fs::path& path : paths)
        text += path.string() + k_end_of_path;
    replace_file(record_in(folder), text);
}

// "NAME.cedana-backup-20261122T164510Z", with "_2" behind it where there was one of that second.
std::optional<std::chrono::system_clock::time_point> time_in(const std::string& name) {
    const std::size_t mark = name.rfind(k_backup_mark);
    if (mark == std::string::npos)
        return std::nullopt;
    return parse_utc_compact(std::string_view(name).substr(mark + k_backup_mark.size(), k_utc_compact_size));
}

// Absent if it is not there any more.
std::optional<Backup> look_at(const fs::path& path) {
    const auto made = time_in(path.filename().string());
    if (!made)
        return std::nullopt;
    try {
        const FilePlace place(path);
        const auto info = place.entry(place.name());
        if (!info || !S_ISREG(info->st_mode))
            return std::nullopt;
        return Backup{.path = path, .made = *made, .bytes = static_cast<std::uint64_t>(info->st_size)};
    } catch (const Error&) {
        // A folder on the way is gone, or a link now.
        return std::nullopt;
    }
}

// Why it stays; empty: it is gone.
std::string remove_one(const fs::path& path) {
    try {
        const FilePlace place(path);
        if (::unlinkat(place.folder(), place.name().c_str(), 0) != 0 && errno != ENOENT)
            return errno_text(errno);
        return {};
    } catch (const Error& error) {
        return error.message();
    }
}

} // namespace

BackupRecord::BackupRecord(fs::path folder) : folder_(std::move(folder)) {}

void BackupRecord::add(const std::vector<fs::path>& paths) const {
    if (paths.empty())
        return;
    make_log_folder(folder_);
    const UniqueFd lock = locked(folder_);
    if (!lock)
        throw os_error(ENOENT, fmt::format("cannot make {}", folder_.string()), Fault::storage);
    std::vector<fs::path> known = read_paths(folder_);
    known.insert(known.end(), paths.begin(), paths.end());
    write_paths(folder_, known);
}

std::vector<Backup> BackupRecord::made_before(std::chrono::system_clock::time_point when) const {
    std::vector<Backup> found;
    for (const fs::path& path : read_paths(folder_))
        if (auto backup = look_at(path); backup && backup->made < when)
            found.push_back(std::move(*backup));
    std::ranges::stable_sort(found, {}, &Backup::made);
    return found;
}

void BackupRecord::remove(std::vector<Backup>& backups) const {
    for (Backup& backup : backups)
        backup.why = remove_one(backup.path);
    // Before the lock, since a file system may not answer.
    std::set<fs::path> gone;
    for (const fs::path& path : read_paths(folder_))
        if (!look_at(path))
            gone.insert(path);
    const UniqueFd lock = locked(folder_);
    if (!lock || gone.empty())
        return;
    std::vector<fs::path> known = read_paths(folder_);
    std::erase_if(known, [&](const fs::path& path) { return gone.contains(path); });
    write_paths(folder_, known);
}

} // namespace cedana
