// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/own_cgroup.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/process_mark.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana::criu {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_prefix = "cedana-criu.";

std::vector<fs::path> hierarchies() { return own_cgroup_places(read_file("/proc/self/mountinfo")); }

bool write_to(const fs::path& path, const std::string& text) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::vector<pid_t> processes_in(const fs::path& folder) {
    std::vector<pid_t> found;
    for (const std::string& word : split(read_file(folder / "cgroup.procs"), '\n'))
        if (std::int64_t pid = 0; parse_number(word, pid))
            found.push_back(static_cast<pid_t>(pid));
    return found;
}

// A CRIU that is killed may leave processes with which it tried what the kernel can do, stopped for ever.
void end_processes_in(const fs::path& folder) {
    constexpr auto k_limit = std::chrono::seconds(5);
    for (const pid_t pid : processes_in(folder)) {
        const auto pidfd = open_pidfd(pid);
        // The pid may have got to another process before it was opened, but not after.
        if (!pidfd || std::ranges::count(processes_in(folder), pid) == 0)
            continue;
        // Somebody's own, who was started there: no process of CRIU's makes itself a session.
        if (::getsid(pid) == pid) {
            static_cast<void>(write_to(folder.parent_path() / "cgroup.procs", std::to_string(pid)));
            continue;
        }
        send_signal(*pidfd, SIGKILL);
        static_cast<void>(ends_within(*pidfd, k_limit));
    }
}

// Who works there has a session for itself; what it leaves when it is killed belongs to that session, too.
bool has_worker(const fs::path& folder) {
    const std::vector<pid_t> pids = processes_in(folder);
    return std::ranges::any_of(pids, [](pid_t pid) { return ::getsid(pid) == pid; });
}

// Absent if it is no group of cedana's.
std::optional<NamespacedMark> maker_of(const std::string& group) {
    return group.starts_with(k_prefix) ? parse_namespaced_mark(std::string_view(group).substr(k_prefix.size()))
                                       : std::nullopt;
}

// A process that has ended may count for a moment longer, and version 1 tells nobody when a group is empty.
bool remove_group(const fs::path& folder) {
    constexpr int k_tries = 100;
    constexpr auto k_pause = std::chrono::milliseconds(10);
    for (int tries = 0; tries < k_tries; ++tries) {
        try {
            end_processes_in(folder);
        } catch (const Error& error) {
            spdlog::debug("cannot end what is left in {}: {}", folder.string(), error.message());
        }
        if (::rmdir(folder.c_str()) == 0)
            return true;
        if (errno != EBUSY)
            return false;
        std::this_thread::sleep_for(k_pause);
    }
    return false;
}

} // namespace

std::vector<fs::path> own_cgroup_places(std::string_view mountinfo) {
    std::vector<fs::path> found;
    for (const Mount& mount : parse_mounts(mountinfo)) {
        const std::vector<std::string> options = split(mount.options, ',');
        const bool is_of_systemd =
            mount.type == "cgroup" && std::ranges::find(options, "name=systemd") != options.end();
        if (mount.root == "/" && (mount.type == "cgroup2" || is_of_systemd))
            found.emplace_back(mount.path);
    }
    return found;
}

OwnCgroup::OwnCgroup(pid_t process) noexcept : process_(process) {
    try {
        enter();
    } catch (const std::exception& error) {
        spdlog::debug("process {} stays in the control group of cedana: {}", process, error.what());
    }
}

void OwnCgroup::enter() {
    for (const fs::path& hierarchy : hierarchies()) {
        fs::path folder = hierarchy / fmt::format("{}{}", k_prefix, to_text(own_namespaced_mark()));
        if (::mkdir(folder.c_str(), 0755) == 0)
            folders_.push_back(std::move(folder));
    }
    // Needs CAP_SYS_RESOURCE (proc(5)).
    constexpr const char* k_never = "-1000";
    if (!write_to(fs::path("/proc") / std::to_string(process_) / "oom_score_adj", k_never))
        spdlog::debug("process {} can be ended when memory runs out: its oom_score_adj cannot be lowered", process_);
    // The kernel waits until nobody forks or ends at that moment (kernel/cgroup/cgroup.c, cgroup_attach_lock():
    // percpu_down_write()), which takes 10 to 20 ms on an idle host; CRIU is not in the tree so soon.
    if (process_ == ::getpid())
        move();
    else
        moved_ = std::async(std::launch::async, [this] { move(); });
}

void OwnCgroup::move() const {
    for (const fs::path& folder : folders_)
        if (!write_to(folder / "cgroup.procs", std::to_string(process_)))
            spdlog::debug("process {} stays in the control group of cedana in {}", process_,
                          folder.parent_path().string());
}

OwnCgroup::~OwnCgroup() {
    if (moved_.valid())
        moved_.wait();
    for (const fs::path& folder : folders_) {
        if (process_ == ::getpid() && !write_to(folder.parent_path() / "cgroup.procs", std::to_string(process_)))
            spdlog::debug("process {} cannot leave {}", process_, folder.string());
        else if (!remove_group(folder))
            spdlog::debug("cannot remove {} yet", folder.string());
    }
}

bool is_own_cgroup(std::string_view name) { return name.starts_with(k_prefix); }

std::optional<fs::path> place_for_own_cgroup() {
    for (const fs::path& hierarchy : hierarchies())
        if (::access(hierarchy.c_str(), W_OK) == 0)
            return hierarchy;
    return std::nullopt;
}

bool remove_forgotten_group(const fs::path& folder) {
    // From the group to its first process it is no more than a moment.
    constexpr std::int64_t k_least_seconds = 60;
    struct ::stat info {};
    return ::stat(folder.c_str(), &info) == 0 && ::time(nullptr) - info.st_ctime >= k_least_seconds &&
           ::rmdir(folder.c_str()) == 0;
}

std::vector<fs::path> remove_abandoned_cgroups() {
    std::vector<fs::path> removed;
    for (const fs::path& hierarchy : hierarchies()) {
        std::error_code ignored;
        for (const fs::path& group : entries_of(hierarchy, ignored)) {
            const auto cedana = maker_of(group.filename().string());
            if (!cedana)
                continue;
            const MarkedProcess standing = standing_of(*cedana);
            // A CRIU that outlives its cedana heals the tree: it is not to be disturbed.
            if ((standing == MarkedProcess::ended && !has_worker(group) && remove_group(group)) ||
                (standing == MarkedProcess::elsewhere && remove_forgotten_group(group)))
                removed.push_back(group);
        }
    }
    return removed;
}

} // namespace cedana::criu
