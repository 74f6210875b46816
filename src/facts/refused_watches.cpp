// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/facts/record.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "close_hint.hpp"
#include "watch_line.hpp"
#include "watched_file.hpp"

namespace cedana {

namespace {

// File systems of which no file can be opened by its handle (open_by_handle_at(2)).
bool gives_no_handles(std::string_view type) {
    constexpr auto k_types = std::to_array<std::string_view>({"proc", "sysfs", "devpts"});
    return std::ranges::find(k_types, type) != k_types.end();
}

bool is_watch(std::string_view line) { return line.starts_with("inotify wd:") || line.starts_with("fanotify ino:"); }

// Where a watch is on such a file system: "proc".
std::optional<std::string> find_unnamed_watch(const Procfs& procfs, pid_t pid, int fd) {
    const std::string info = procfs.read(pid, fmt::format("fdinfo/{}", fd).c_str()).value_or("");
    std::vector<Mount> mounts;
    for (const std::string& line : split(info, '\n')) {
        const auto device = is_watch(line) ? hexadecimal_after(line, " sdev:") : std::nullopt;
        if (!device)
            continue;
        if (mounts.empty())
            mounts = parse_mounts(procfs.read(pid, "mountinfo").value_or(""));
        const auto mount =
            std::ranges::find_if(mounts, [&](const Mount& one) { return one.device == device_text(*device); });
        if (mount != mounts.end() && gives_no_handles(mount->type))
            return mount->path;
    }
    return std::nullopt;
}

// criu/fsnotify.c, get_mark_path(): it opens what is watched, and a link cannot be ("Unable to open (null)").
bool watches_link(const Procfs& procfs, pid_t pid, int fd) {
    const auto lines = split(procfs.read(pid, fmt::format("fdinfo/{}", fd).c_str()).value_or(""), '\n');
    return std::ranges::any_of(lines, [&](const std::string& line) {
        const auto watched = look_at_watched(procfs, pid, line);
        return watched && S_ISLNK(watched->st_mode);
    });
}

// criu/fsnotify.c, check_open_handle: "Can't dump that handle". It looks for the file's path in a few folders (/etc,
// /var/log …) and in those of --irmap-scan-path.
std::optional<Refusal> refuse_watch(const Procfs& procfs, const TreeProcess& process, const OpenFile& file) {
    const OpenKind kind = kind_of(file);
    if (kind != OpenKind::inotify && kind != OpenKind::fanotify)
        return std::nullopt;
    if (watches_link(procfs, process.pid(), file.fd))
        return Refusal{.pid = process.pid(),
                       .sentence = fmt::format("{} watches a symbolic link itself (IN_DONT_FOLLOW, descriptor {}), "
                                               "which CRIU could not bring back",
                                               described(process.stat), file.fd),
                       .hint = k_close_hint,
                       .program_can_help = true};
    const auto path = find_unnamed_watch(procfs, process.pid(), file.fd);
    if (!path)
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} watches a file below {} (descriptor {}), and CRIU cannot find out which",
                                           described(process.stat), printable(*path), file.fd),
                   .hint = k_close_hint,
                   .program_can_help = true,
                   .passed_with = "--irmap-scan-path"};
}

} // namespace

std::vector<Refusal> refused_watches(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<Refusal> refusals;
    for (const Holdings& one : tree)
        for (const OpenFile& file : one.open)
            if (auto refusal = refuse_watch(procfs, one.process, file))
                refusals.push_back(std::move(*refusal));
    return refusals;
}

} // namespace cedana
