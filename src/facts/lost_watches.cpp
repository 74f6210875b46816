// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/facts/losses.hpp"
#include "cedana/facts/record.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/inotify.h>

#include "watch_line.hpp"
#include "watched_file.hpp"

namespace cedana {

namespace {

std::string lost_files(const Procfs& procfs, const TreeProcess& process, int fd,
                       const std::vector<std::string>& lines) {
    const auto lost = std::ranges::count_if(lines, [&](const std::string& line) {
        const auto watched = look_at_watched(procfs, process.pid(), line);
        return watched && watched->st_nlink == 0;
    });
    if (lost == 0)
        return {};
    return fmt::format("{} of the watches that {} has in its inotify (descriptor {}): their files were removed", lost,
                       described(process.stat), fd);
}

// criu/fsnotify.c, restore_one_inotify(): events alone are asked for again.
std::string lost_ends(const TreeProcess& process, int fd, const std::vector<std::string>& lines) {
    const auto lost = std::ranges::count_if(lines, [](const std::string& line) {
        return line.starts_with("inotify wd:") && (hexadecimal_after(line, " mask:").value_or(0) & IN_ONESHOT) != 0;
    });
    if (lost == 0)
        return {};
    return fmt::format("the rule by which {} of the watches that {} has in its inotify (descriptor {}) end with their "
                       "first event (IN_ONESHOT)",
                       lost, described(process.stat), fd);
}

// FAN_MARK_FILESYSTEM and FAN_MARK_MNTNS: CRIU knows marks of files and of mounts (criu/proc_parse.c,
// parse_fdinfo_pid_s), and passes over lines that it does not know.
std::string lost_marks(const TreeProcess& process, int fd, const std::vector<std::string>& lines) {
    const auto lost = std::ranges::count_if(lines, [](const std::string& line) {
        return line.starts_with("fanotify sdev:") || line.starts_with("fanotify mnt_ns:");
    });
    if (lost == 0)
        return {};
    return fmt::format(
        "{} of the marks that {} has in its fanotify (descriptor {}): CRIU does not keep those of a whole "
        "file system",
        lost, described(process.stat), fd);
}

} // namespace

std::vector<std::string> find_lost_watches(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<std::string> losses;
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open) {
            const OpenKind kind = kind_of(file);
            if (kind != OpenKind::inotify && kind != OpenKind::fanotify)
                continue;
            const auto lines =
                split(procfs.read(one.process.pid(), fmt::format("fdinfo/{}", file.fd).c_str()).value_or(""), '\n');
            std::vector<std::string> found;
            if (kind == OpenKind::inotify)
                found = {lost_files(procfs, one.process, file.fd, lines), lost_ends(one.process, file.fd, lines)};
            else
                found = {lost_marks(one.process, file.fd, lines)};
            std::ranges::copy_if(found, std::back_inserter(losses),
                                 [](const std::string& loss) { return !loss.empty(); });
        }
    }
    return losses;
}

} // namespace cedana
