// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"
#include "cedana/criu/image_mends.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <sys/stat.h>

#include "changed_image.hpp"

namespace cedana::criu {

namespace {

// The folders in the folder of a process (fs/proc/base.c, tgid_base_stuff).
bool is_folder_of_process(std::string_view name) {
    constexpr auto k_names =
        std::to_array<std::string_view>({"attr", "fd", "fdinfo", "map_files", "net", "ns", "task"});
    return std::ranges::find(k_names, name) != k_names.end();
}

// "/proc/42" of "/proc/42/" and what is no folder there; empty for any other name.
std::string_view folder_of_process(std::string_view name) {
    constexpr std::string_view k_proc = "/proc/";
    if (!name.starts_with(k_proc))
        return {};
    const std::size_t end = name.find_first_not_of("0123456789", k_proc.size());
    if (end == std::string_view::npos || end == k_proc.size() || name[end] != '/' || end + 1 == name.size())
        return {};
    const std::string_view below = name.substr(end + 1);
    return is_folder_of_process(below.substr(0, below.find('/'))) ? std::string_view() : name.substr(0, end);
}

} // namespace

// criu/files-reg.c, check_path_remap(): where it ends a path behind the pid for a moment, it puts a slash back for what
// was the end of it, so that the path goes on with what lies behind it in memory.
MendedImage with_process_folders_named(std::string_view files) {
    return parse_image([&] {
        return changed_image(files, ImageKind::files, [](auto file) {
            return changed_within(file, FileEntry::reg, [](std::string_view entry) -> std::optional<std::string> {
                const auto reg = fields_of<RegFileEntry>(entry);
                const std::string_view folder = folder_of_process(bytes_in(reg, RegFileEntry::name));
                if (folder.empty() || !S_ISDIR(number_in(reg, RegFileEntry::mode, 0)))
                    return std::nullopt;
                return changed_message<RegFileEntry>(entry, [&](const auto& field, auto& out) {
                    if (field.tag() != RegFileEntry::name)
                        return false;
                    out.add_bytes(RegFileEntry::name, folder.data(), folder.size());
                    return true;
                });
            });
        });
    });
}

// criu/tty.c, tty_restore_ctl_terminal(): the kernel takes no group that is not there (tiocspgrp() in
// drivers/tty/tty_jobctrl.c), and the restore fails ("Failed to set group").
MendedImage with_living_foreground_groups(std::string_view terminals, const TreeThreads& tree) {
    return parse_image([&] {
        return changed_image(terminals, ImageKind::terminals,
                             [&](std::string_view terminal) -> std::optional<std::string> {
                                 const auto entry = fields_of<TtyInfoEntry>(terminal);
                                 const std::uint64_t session = number_in(entry, TtyInfoEntry::sid, 0);
                                 const std::uint64_t group = number_in(entry, TtyInfoEntry::pgrp, 0);
                                 if (session == 0 || group == 0 || tree.groups.contains(static_cast<pid_t>(group)) ||
                                     !tree.groups.contains(static_cast<pid_t>(session)))
                                     return std::nullopt;
                                 return changed_message<TtyInfoEntry>(terminal, [&](const auto& field, auto& out) {
                                     if (field.tag() != TtyInfoEntry::pgrp)
                                         return false;
                                     out.add_uint32(TtyInfoEntry::pgrp, static_cast<std::uint32_t>(session));
                                     return true;
                                 });
                             });
    });
}

} // namespace cedana::criu
