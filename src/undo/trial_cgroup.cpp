// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/trial_cgroup.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/own_cgroup.hpp"
#include "cedana/base/process_mark.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_trial_prefix = "cedana-trial.";
// Version 2, and version 1; the first that is there counts.
constexpr std::array<const char*, 2> k_limit_files = {"memory.max", "memory.limit_in_bytes"};
constexpr std::array<const char*, 2> k_event_files = {"memory.events", "memory.oom_control"};
// What the kernel swaps out of it would be taken from others.
constexpr const char* k_swap_file = "memory.swap.max";

bool write_into(const fs::path& path, const std::string& text) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// What has ended counts for a moment longer.
bool remove_trial_group(const fs::path& folder) {
    constexpr int k_tries = 200;
    constexpr auto k_before_next_try = std::chrono::milliseconds(5);
    for (int tries = 0; tries < k_tries; ++tries) {
        if (::rmdir(folder.c_str()) == 0)
            return true;
        if (errno != EBUSY)
            return false;
        std::this_thread::sleep_for(k_before_next_try);
    }
    return false;
}

bool limit_memory(const fs::path& folder, std::uint64_t limit) {
    static_cast<void>(write_into(folder / k_swap_file, "0"));
    return std::ranges::any_of(k_limit_files,
                               [&](const char* name) { return write_into(folder / name, std::to_string(limit)); });
}

std::optional<NamespacedMark> maker_of_trial(const std::string& group) {
    return group.starts_with(k_trial_prefix)
               ? parse_namespaced_mark(std::string_view(group).substr(k_trial_prefix.size()))
               : std::nullopt;
}

} // namespace

std::vector<fs::path> trial_cgroup_places(std::string_view mountinfo) {
    std::vector<fs::path> found;
    for (const Mount& mount : parse_mounts(mountinfo)) {
        const std::vector<std::string> options = split(mount.options, ',');
        const bool is_of_memory = mount.type == "cgroup" && std::ranges::find(options, "memory") != options.end();
        if (mount.root == "/" && (mount.type == "cgroup2" || is_of_memory))
            found.emplace_back(mount.path);
    }
    return found;
}

std::optional<TrialCgroup> TrialCgroup::make(std::uint64_t limit) {
    const std::string name = fmt::format("{}{}", k_trial_prefix, to_text(own_namespaced_mark()));
    for (const fs::path& hierarchy : trial_cgroup_places(read_file("/proc/self/mountinfo"))) {
        TrialCgroup group(hierarchy / name);
        if (::mkdir(group.folder_.c_str(), 0755) == 0 && limit_memory(group.folder_, limit))
            return group;
    }
    return std::nullopt;
}

TrialCgroup::TrialCgroup(TrialCgroup&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}

TrialCgroup::~TrialCgroup() {
    if (!folder_.empty() && !remove_trial_group(folder_) && errno != ENOENT)
        spdlog::debug("cannot remove {} yet", folder_.string());
}

// "oom_kill 1"
bool TrialCgroup::ran_out() const {
    for (const char* const name : k_event_files) {
        std::error_code ignored;
        if (!fs::exists(folder_ / name, ignored))
            continue;
        for (const std::string& line : split(read_file(folder_ / name), '\n'))
            if (line.starts_with("oom_kill ") && line != "oom_kill 0")
                return true;
    }
    return false;
}

std::vector<fs::path> remove_abandoned_trial_cgroups() {
    std::vector<fs::path> removed;
    for (const fs::path& hierarchy : trial_cgroup_places(read_file("/proc/self/mountinfo"))) {
        std::error_code ignored;
        for (const fs::path& group : entries_of(hierarchy, ignored)) {
            const auto cedana = maker_of_trial(group.filename().string());
            if (!cedana)
                continue;
            const MarkedProcess standing = standing_of(*cedana);
            if ((standing == MarkedProcess::ended && remove_trial_group(group)) ||
                (standing == MarkedProcess::elsewhere && criu::remove_forgotten_group(group)))
                removed.push_back(group);
        }
    }
    return removed;
}

} // namespace cedana
