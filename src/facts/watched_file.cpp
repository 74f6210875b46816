// SPDX-License-Identifier: Apache-2.0
#include "watched_file.hpp"

#include "cedana/base/mounts.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/file_handle.hpp"

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>

#include "watch_line.hpp"

namespace cedana {

namespace {

// "inotify wd:1 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:7e9e…", all in
// hexadecimal (fs/notify/fdinfo.c).
struct WatchLine {
    std::uint64_t device = 0;
    FileHandle handle = {};
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
    return WatchLine{.device = *device, .handle = {.type = static_cast<int>(*type), .bytes = std::move(handle)}};
}

// A folder of that file system, as the process sees it.
UniqueFd folder_on(const Procfs& procfs, pid_t pid, std::uint64_t device) {
    for (const Mount& mount : parse_mounts(procfs.read(pid, "mountinfo").value_or(""))) {
        if (mount.device != device_text(device))
            continue;
        UniqueFd folder = open_folder_for_handles(fmt::format("/proc/{}/root{}", pid, mount.path));
        if (folder)
            return folder;
    }
    return {};
}

} // namespace

std::optional<struct ::stat> look_at_watched(const Procfs& procfs, pid_t pid, std::string_view line) {
    const auto watch = parse_watch(line);
    const UniqueFd folder = watch ? folder_on(procfs, pid, watch->device) : UniqueFd();
    if (!folder)
        return std::nullopt;
    const UniqueFd file = open_by_handle(folder, watch->handle);
    struct ::stat info {};
    if (file && ::fstat(file.get(), &info) == 0)
        return info;
    return errno == ESTALE ? std::optional(info) : std::nullopt;
}

} // namespace cedana
