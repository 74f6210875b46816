// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/work_folder.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/process_mark.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <string_view>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_lock_name = "lock";
// By their kinds.
constexpr std::array<const char*, 4> k_names = {"dump", "restore", "lazy", "trial"};
// Before the name that it had.
constexpr std::string_view k_ended = "ended.";

struct Owner {
    WorkKind kind = WorkKind::dump;
    ProcessMark cedana;
};

// Absent for what is no work folder, as the folder of locks.
std::optional<Owner> owner_of(const fs::path& path) {
    const std::vector<std::string> parts = split(path.filename().string(), '.');
    const auto name = std::ranges::find(k_names, parts[0]);
    // Those of older versions are without the start time.
    if (name == k_names.end() || parts.size() < 3 || parts.size() > 4)
        return std::nullopt;
    const auto cedana = parse_mark(parts[1], parts.size() == 4 ? std::string_view(parts[2]) : std::string_view());
    if (!cedana)
        return std::nullopt;
    return Owner{.kind = static_cast<WorkKind>(name - k_names.begin()), .cedana = *cedana};
}

// None while somebody works in the folder.
std::optional<UniqueFd> take_over(const fs::path& path, const ProcessMark& cedana) {
    UniqueFd lock(::open((path / k_lock_name).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    // Made a moment ago, or its cedana was killed in that moment.
    if (!lock && is_at_work(cedana))
        return std::nullopt;
    if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return std::nullopt;
    return lock;
}

// A CRIU that was killed leaves the control groups of this host mounted there (criu/cgroup.c, prepare_cgroup_sfd):
// nothing of a mount is removed.
void remove_ended(const fs::path& folder) {
    detach_mounts_below(folder);
    std::error_code error;
    fs::remove_all(folder, error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot remove {}", folder.string()), Fault::storage);
}

} // namespace

WorkFolder::WorkFolder(WorkKind kind, const fs::path& parent)
    : folder_(parent, fmt::format("{}.{}", k_names.at(static_cast<std::size_t>(kind)), to_text(own_mark(), '.'))) {
    // It gets its name when it is locked: a lock file that nobody holds is that of an abandoned folder.
    const fs::path unnamed = folder_.path() / "lock.new";
    lock_ = open_file(unnamed, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 ||
        ::rename(unnamed.c_str(), (folder_.path() / k_lock_name).c_str()) != 0)
        throw OsFailure(Fault::storage).error("cannot lock {}", folder_.path().string());
}

WorkFolder::~WorkFolder() {
    const fs::path folder = folder_.release();
    if (folder.empty())
        return;
    try {
        remove_work(folder);
    } catch (const std::exception& error) {
        spdlog::warn("{}", error.what());
    }
}

WorkFolders find_work_folders(const fs::path& parent) {
    WorkFolders found;
    std::error_code ignored;
    for (const fs::path& path : entries_of(parent, ignored)) {
        const auto owner = owner_of(path);
        if (!owner)
            continue;
        auto lock = take_over(path, owner->cedana);
        if (!lock)
            found.busy.push_back({.path = path, .kind = owner->kind, .cedana = owner->cedana.pid});
        // Whoever had it until now may have removed it.
        else if (fs::exists(path, ignored))
            found.abandoned.push_back(
                {.path = path, .kind = owner->kind, .cedana = owner->cedana.pid, .lock = std::move(*lock)});
    }
    return found;
}

void remove_work(const fs::path& folder) {
    const fs::path ended = folder.parent_path() / (std::string(k_ended) + folder.filename().string());
    std::error_code error;
    fs::rename(folder, ended, error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot remove {}", folder.string()), Fault::storage);
    remove_ended(ended);
}

std::vector<fs::path> remove_ended_work(const fs::path& parent) {
    std::vector<fs::path> removed;
    std::error_code ignored;
    for (const fs::path& path : entries_of(parent, ignored)) {
        const std::string name = path.filename().string();
        const auto owner = name.starts_with(k_ended) ? owner_of(name.substr(k_ended.size())) : std::nullopt;
        if (!owner || is_at_work(owner->cedana))
            continue;
        try {
            remove_ended(path);
            removed.push_back(path);
        } catch (const Error& failure) {
            spdlog::warn("{}", failure.message());
        }
    }
    return removed;
}

} // namespace cedana
