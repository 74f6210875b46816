// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/checkpoint_file.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/rename.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/files/partial_file.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// Checkpoints of one program within one second.
constexpr int k_most_checkpoints = 10000;
// A program's name may be as long as a name can be, and here a time, a number, a host and a pid stand behind it.
constexpr std::size_t k_longest_program = 100;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// A dot at the begin would hide the file, and two are a folder.
bool is_allowed(std::string_view name, std::size_t at) {
    const char c = name[at];
    return is_letter(c) || c == '_' || c == '-' || (c == '.' && at > 0 && is_letter(name[at - 1]));
}

std::string numbered_stem(const std::string& stem, int number) {
    return number == 1 ? stem : fmt::format("{}_{}", stem, number);
}

} // namespace

std::string numbered_name(const std::string& stem, int number) { return numbered_stem(stem, number) + ".zip"; }

std::string checkpoint_stem(std::string_view program, std::chrono::system_clock::time_point when) {
    std::string name(program.empty() ? "process" : program.substr(0, k_longest_program));
    const std::string given = name;
    for (std::size_t i = 0; i < name.size(); ++i)
        name[i] = is_allowed(given, i) ? given[i] : '_';
    return name + "_" + utc_compact(when);
}

std::optional<std::chrono::system_clock::time_point> time_in_stem(std::string_view stem) {
    for (std::size_t at = stem.rfind('_'); at != std::string_view::npos && at > 0; at = stem.rfind('_', at - 1))
        if (const std::string_view text = stem.substr(at + 1, k_utc_compact_size); text.size() == k_utc_compact_size)
            return parse_utc_compact(text);
    return std::nullopt;
}

PendingCheckpoint::PendingCheckpoint(const fs::path& folder, const std::string& stem) : folder_(folder), stem_(stem) {
    for (int number = 1; number <= k_most_checkpoints; ++number) {
        partial_ = folder_ / partial_name(numbered_stem(stem_, number));
        if ((fd_ = create_partial(partial_)))
            return;
    }
    throw Error(Fault::storage, fmt::format("every name for the checkpoint in {} is taken", folder_.string()));
}

PendingCheckpoint::~PendingCheckpoint() {
    if (fd_ && !is_removed(fd_))
        ::unlink(partial_.c_str());
}

fs::path PendingCheckpoint::publish() {
    sync_file(fd_.get(), partial_);
    // What has that name now is another one's.
    if (is_removed(fd_))
        throw Error(Fault::storage, fmt::format("somebody has removed {} while it was written", partial_.string()));
    for (int number = 1; number <= k_most_checkpoints; ++number) {
        fs::path name = folder_ / numbered_name(stem_, number);
        if (!rename_new(partial_, name))
            continue;
        RemoveOnFailure published(name);
        sync_folder(folder_);
        close_checked(std::move(fd_), name);
        published.commit();
        return name;
    }
    throw Error(Fault::storage, fmt::format("every name for the checkpoint in {} is taken", folder_.string()));
}

PartialFiles remove_abandoned(const fs::path& folder) {
    PartialFiles partial;
    std::error_code error;
    for (const fs::path& path : entries_of(folder, error)) {
        switch (remove_if_abandoned(path)) {
        case PartialFate::not_ours:
            break;
        case PartialFate::of_another_host:
            partial.of_other_hosts.push_back(path);
            break;
        case PartialFate::kept:
            partial.kept.push_back(path);
            break;
        case PartialFate::removed:
            spdlog::warn("removed {}, which an interrupted dump had left", path.string());
            partial.removed.push_back(path);
        }
    }
    return partial;
}

void require_answer(const fs::path& folder, std::string_view what, std::chrono::milliseconds limit) {
    const bool answers = is_done_within(limit, [&] {
        struct ::stat info {};
        struct ::statfs system {};
        if (::stat(folder.c_str(), &info) == 0 && ::statfs(folder.c_str(), &system) == 0)
            static_cast<void>(::access(folder.c_str(), W_OK));
    });
    if (!answers)
        throw Error(Fault::storage, fmt::format("{} {} does not answer: a look at it took longer than {} s", what,
                                                printable(folder.string()),
                                                std::chrono::duration_cast<std::chrono::seconds>(limit).count()))
            .hint("look at the file server that is mounted there, or name another folder");
}

void require_folder(const fs::path& folder, std::string_view what) {
    require_answer(folder, what);
    std::error_code error;
    const fs::file_status status = fs::status(folder, error);
    if (!fs::exists(status))
        throw Error(Fault::storage, fmt::format("{} {} does not exist", what, folder.string()))
            .hint(fmt::format("create it: mkdir -p {}", shell_word(folder.string())));
    if (!fs::is_directory(status))
        throw Error(Fault::storage, fmt::format("{} {} is not a folder", what, folder.string()));
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        const int err = errno;
        throw Error(Fault::storage, fmt::format("{} {} cannot be written: {}", what, folder.string(), errno_text(err)));
    }
}

} // namespace cedana
