// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"
#include "cedana/criu/image_mends.hpp"
#include "cedana/criu/tree_images.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include <fcntl.h>
#include <linux/major.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

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

// Of those that were dumped as external ones, /dev/tty.
bool is_outer_dev_tty(const protozero::pbf_message<TtyInfoEntry>& entry) {
    constexpr std::uint64_t k_external = 5;
    return number_in(entry, TtyInfoEntry::type, 0) == k_external &&
           number_in(entry, TtyInfoEntry::rdev, 0) == ::makedev(TTYAUX_MAJOR, 0);
}

std::set<std::uint64_t> outer_dev_ttys(std::string_view terminals) {
    std::set<std::uint64_t> found;
    for (ImageReader messages(terminals, ImageKind::terminals); !messages.at_end();) {
        const auto entry = fields_of<TtyInfoEntry>(messages.next());
        if (is_outer_dev_tty(entry))
            found.insert(number_in(entry, TtyInfoEntry::id, 0));
    }
    return found;
}

std::uint64_t highest_file_id(std::string_view files) {
    std::uint64_t highest = 0;
    for (ImageReader messages(files, ImageKind::files); !messages.at_end();)
        highest = std::max(highest, number_in(fields_of<FileEntry>(messages.next()), FileEntry::id, 0));
    return highest;
}

// As CRIU writes it for a terminal that is not external (criu/files-reg.c, dump_one_reg_file).
std::string dev_tty_file(std::uint32_t id, std::string_view terminal) {
    constexpr std::uint32_t k_regular = 1;
    const auto entry = fields_of<TtyFileEntry>(terminal);
    std::string file;
    protozero::pbf_builder<RegFileEntry> reg(file);
    reg.add_uint32(RegFileEntry::id, id);
    reg.add_uint32(RegFileEntry::flags, static_cast<std::uint32_t>(number_in(entry, TtyFileEntry::flags, 0)));
    reg.add_uint64(RegFileEntry::pos, 0);
    reg.add_message(RegFileEntry::fown, std::string(bytes_in(entry, TtyFileEntry::fown)));
    reg.add_string(RegFileEntry::name, "/dev/tty");
    std::string message;
    protozero::pbf_builder<FileEntry> out(message);
    out.add_uint32(FileEntry::type, k_regular);
    out.add_uint32(FileEntry::id, id);
    out.add_message(FileEntry::reg, file);
    return message;
}

// The message, with that file behind its terminal.
std::string with_file(std::string_view message, std::uint32_t id) {
    return *changed_within(message, FileEntry::tty, [&](std::string_view terminal) {
        std::string changed(terminal);
        protozero::pbf_builder<TtyFileEntry>(changed).add_uint32(TtyFileEntry::regf_id, id);
        return std::optional(std::move(changed));
    });
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

// At a dump CRIU takes /dev/tty for external by its device (criu/tty.c, get_tty_driver), and writes no file for it. At
// a restore it is told of none, and so opens the file of it in the process that had it open.
MendedImage with_dev_tty_named(std::string_view files, std::string_view terminals) {
    return parse_image([&]() -> MendedImage {
        const std::set<std::uint64_t> unnamed = outer_dev_ttys(terminals);
        if (unnamed.empty())
            return std::nullopt;
        auto id = static_cast<std::uint32_t>(highest_file_id(files));
        ImageWriter out(ImageKind::files);
        for (ImageReader messages(files, ImageKind::files); !messages.at_end();) {
            const std::string_view message = messages.next();
            const std::string_view terminal = bytes_in(fields_of<FileEntry>(message), FileEntry::tty);
            if (terminal.empty() ||
                !unnamed.contains(number_in(fields_of<TtyFileEntry>(terminal), TtyFileEntry::tty_info_id, 0))) {
                out.add(message);
                continue;
            }
            ++id;
            out.add(dev_tty_file(id, terminal));
            out.add(with_file(message, id));
        }
        return std::move(out).bytes();
    });
}

// criu/tty.c, tty_deps_restored(): a /dev/tty waits for all other terminals of its process, and two of them for each
// other, for ever. A console, which the device says it is (get_tty_driver), waits for none, and belongs to no session.
MendedImage with_dev_tty_at_once(std::string_view terminals, const TreeThreads& tree) {
    const auto console = static_cast<std::uint32_t>(::makedev(TTYAUX_MAJOR, 1));
    return parse_image([&] {
        return changed_image(terminals, ImageKind::terminals,
                             [&](std::string_view terminal) -> std::optional<std::string> {
                                 const auto entry = fields_of<TtyInfoEntry>(terminal);
                                 if (!is_outer_dev_tty(entry) ||
                                     tree.groups.contains(static_cast<pid_t>(number_in(entry, TtyInfoEntry::sid, 0))))
                                     return std::nullopt;
                                 return changed_message<TtyInfoEntry>(terminal, [&](const auto& field, auto& out) {
                                     if (field.tag() != TtyInfoEntry::rdev && field.tag() != TtyInfoEntry::sid)
                                         return false;
                                     out.add_uint32(field.tag(), field.tag() == TtyInfoEntry::rdev ? console : 0);
                                     return true;
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

MendedImage with_posix_locks(std::string_view locks, const std::vector<DumpedLock>& wanted) {
    // FL_POSIX of criu/include/file-lock.h.
    constexpr std::uint32_t k_posix = 1;
    const std::vector<DumpedLock> known = locks.empty() ? std::vector<DumpedLock>() : parse_file_locks(locks);
    ImageWriter out(ImageKind::file_locks);
    if (!locks.empty())
        for (ImageReader messages(locks, ImageKind::file_locks); !messages.at_end();)
            out.add(messages.next());
    bool added = locks.empty();
    for (const DumpedLock& one : wanted) {
        if (std::ranges::find(known, one) != known.end())
            continue;
        std::string message;
        protozero::pbf_builder<FileLockEntry> entry(message);
        entry.add_uint32(FileLockEntry::flag, k_posix);
        entry.add_uint32(FileLockEntry::type, one.is_exclusive ? F_WRLCK : F_RDLCK);
        entry.add_int32(FileLockEntry::pid, one.pid);
        entry.add_int32(FileLockEntry::fd, one.fd);
        entry.add_int64(FileLockEntry::start, static_cast<std::int64_t>(one.start));
        entry.add_int64(FileLockEntry::len, static_cast<std::int64_t>(one.length));
        out.add(message);
        added = true;
    }
    return added ? MendedImage(std::move(out).bytes()) : std::nullopt;
}

} // namespace cedana::criu
