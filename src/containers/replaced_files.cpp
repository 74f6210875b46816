// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/replaced_files.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/volumes.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <poll.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_own_mounts = "/proc/self/mountinfo";
constexpr const char* k_upper_note = "upper.folder";
constexpr const char* k_upper_aside_note = "upper.aside";

// A daemon goes on by itself when the command that asked it has ended.
void await_unmounted(const fs::path& upper) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    // Every change of the mounts is one of this file, too (proc(5)).
    const UniqueFd changes = open_file(k_own_mounts, O_RDONLY);
    while (const auto place = overlay_mounted_at(upper)) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        if (left <= 0)
            return spdlog::warn("the files of the container are still mounted at {}", printable(*place));
        pollfd entry{.fd = changes.get(), .events = POLLPRI, .revents = 0};
        ::poll(&entry, 1, static_cast<int>(left));
    }
}

} // namespace

std::optional<std::string> overlay_mounted_at(const fs::path& upper) {
    const std::string option = fmt::format("upperdir={}", upper.string());
    for (const Mount& mount : parse_mounts(read_file(k_own_mounts)))
        if (std::ranges::count(split(mount.options, ','), option) != 0)
            return mount.path;
    return std::nullopt;
}

ReplacedFiles::ReplacedFiles(const fs::path& work, const fs::path& upper)
    : upper_(upper), aside_(work / k_upper_aside_note) {
    if (const auto place = overlay_mounted_at(upper))
        throw Error(Fault::restore_failed,
                    fmt::format("the files of the container are mounted at {}", printable(*place)))
            .hint(fmt::format("with whatever mounted them, or: umount {}", shell_word(*place)));
    replace_file(work / k_upper_note, upper.string());
    aside_.take(upper);
}

ReplacedFiles::~ReplacedFiles() {
    if (is_committed_)
        return;
    try {
        await_unmounted(upper_);
    } catch (const std::exception& error) {
        spdlog::warn("{}", error.what());
    }
}

void ReplacedFiles::commit() {
    is_committed_ = true;
    aside_.commit();
}

void finish_replaced(const fs::path& work, const fs::path& files_note, ContainerFate fate,
                     FinishedContainer& finished) {
    // What it has done since nobody knows.
    if (fate == ContainerFate::has_run) {
        std::ranges::move(find_contents_aside(files_note), std::back_inserter(finished.left));
        std::ranges::move(find_volumes_aside(work), std::back_inserter(finished.left));
        return;
    }
    const AsideEnd end = fate == ContainerFate::runs ? AsideEnd::committed : AsideEnd::taken_back;
    std::vector<fs::path> folders = end_contents_aside(files_note, end);
    std::ranges::move(end_killed_volumes(work, end), std::back_inserter(folders));
    if (end == AsideEnd::taken_back)
        std::ranges::move(folders, std::back_inserter(finished.taken_back));
}

void finish_replaced(const fs::path& work, ContainerFate fate, FinishedContainer& finished) {
    std::error_code ignored;
    if (fate == ContainerFate::never_ran && fs::exists(work / k_upper_note, ignored))
        await_unmounted(read_file(work / k_upper_note));
    finish_replaced(work, work / k_upper_aside_note, fate, finished);
}

} // namespace cedana::containers
