// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/losses.hpp"
#include "cedana/process/record.hpp"
#include "cedana/process/refusal.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "watch_line.hpp"

namespace cedana {

namespace {

// "inotify wd:1 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:7e9e…", all in
// hexadecimal (fs/notify/fdinfo.c).
struct WatchLine {
    std::uint64_t device = 0;
    int type = 0;
    std::string handle = {};
};

std::string bytes_after(std::string_view line, std::string_view key) {
    const std::size_t at = line.find(key);
    std::string bytes;
    if (at == std::string_view::npos)
        return bytes;
    const std::string_view digits = line.substr(at + key.size());
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        unsigned char byte = 0;
        if (std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16).ec != std::errc())
            break;
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

std::optional<WatchLine> parse_watch(std::string_view line) {
    if (!line.starts_with("inotify wd:"))
        return std::nullopt;
    const auto device = hexadecimal_after(line, " sdev:");
    const auto type = hexadecimal_after(line, " fhandle-type:");
    std::string handle = bytes_after(line, " f_handle:");
    if (!device || !type || handle.empty() || handle.size() > MAX_HANDLE_SZ)
        return std::nullopt;
    return WatchLine{.device = *device, .type = static_cast<int>(*type), .handle = std::move(handle)};
}

// A folder of that file system, as the process sees it.
UniqueFd folder_on(const Procfs& procfs, pid_t pid, std::uint64_t device) {
    for (const Mount& mount : parse_mounts(procfs.read(pid, "mountinfo").value_or(""))) {
        if (mount.device != device_text(device))
            continue;
        UniqueFd folder(::open(fmt::format("/proc/{}/root{}", pid, mount.path).c_str(),
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
        if (folder)
            return folder;
    }
    return {};
}

// Of what cannot be looked at it is not said.
bool has_lost_its_file(const Procfs& procfs, pid_t pid, const WatchLine& watch) {
    const UniqueFd folder = folder_on(procfs, pid, watch.device);
    if (!folder)
        return false;
    std::vector<std::byte> space(sizeof(file_handle) + watch.handle.size());
    auto* handle = reinterpret_cast<file_handle*>(space.data());
    handle->handle_bytes = static_cast<unsigned>(watch.handle.size());
    handle->handle_type = watch.type;
    std::memcpy(handle->f_handle, watch.handle.data(), watch.handle.size());
    // Nobody notices it with O_PATH (open(2)).
    const UniqueFd file(::open_by_handle_at(folder.get(), handle, O_PATH | O_CLOEXEC));
    struct ::stat info {};
    return file ? ::fstat(file.get(), &info) == 0 && info.st_nlink == 0 : errno == ESTALE;
}

std::string lost_files(const Procfs& procfs, const TreeProcess& process, int fd,
                       const std::vector<std::string>& lines) {
    const auto lost = std::ranges::count_if(lines, [&](const std::string& line) {
        const auto watch = parse_watch(line);
        return watch && has_lost_its_file(procfs, process.pid(), *watch);
    });
    if (lost == 0)
        return {};
    return fmt::format("{} of the watches that {} has in its inotify (descriptor {}): their files were removed", lost,
                       described(process.stat), fd);
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
            std::string loss = kind == OpenKind::inotify ? lost_files(procfs, one.process, file.fd, lines)
                                                         : lost_marks(one.process, file.fd, lines);
            if (!loss.empty())
                losses.push_back(std::move(loss));
        }
    }
    return losses;
}

} // namespace cedana
