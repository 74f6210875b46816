// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/tree_images.hpp"

#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <optional>

#include <fcntl.h>
#include <termios.h>

namespace cedana::criu {

namespace {

template <typename Field>
pid_t pid_in(protozero::pbf_message<Field> message, Field wanted) {
    return static_cast<pid_t>(number_in(message, wanted, 0));
}

DumpedProcess parse_process(std::string_view message) {
    const auto entry = fields_of<PstreeEntry>(message);
    DumpedProcess process{.pid = pid_in(entry, PstreeEntry::pid),
                          .parent = pid_in(entry, PstreeEntry::ppid),
                          .group = pid_in(entry, PstreeEntry::pgid),
                          .session = pid_in(entry, PstreeEntry::sid)};
    for (auto thread = entry; thread.next(PstreeEntry::threads);)
        process.threads.push_back(static_cast<pid_t>(number_of(thread)));
    return process;
}

KernelIds ids_in(std::string_view message) {
    const auto entry = fields_of<TaskKobjIds>(message);
    return {.files = number_in(entry, TaskKobjIds::files_id, 0),
            .network = number_in(entry, TaskKobjIds::net_ns_id, 0),
            .mounts = number_in(entry, TaskKobjIds::mnt_ns_id, 0),
            .time = number_in(entry, TaskKobjIds::time_ns_id, 0)};
}

std::chrono::nanoseconds time_in(std::string_view message) {
    const auto entry = fields_of<TimespecEntry>(message);
    const std::uint64_t seconds = number_in(entry, TimespecEntry::tv_sec, 0);
    // More than a century is no time since a boot.
    constexpr std::uint64_t k_most = 100ULL * 366 * 24 * 3600;
    if (seconds > k_most)
        throw damaged_image("a clock in it shows no time");
    return std::chrono::seconds(seconds) +
           std::chrono::nanoseconds(number_in(entry, TimespecEntry::tv_nsec, 0) % 1'000'000'000);
}

DumpedTerminal parse_terminal(std::string_view message) {
    const auto entry = fields_of<TtyInfoEntry>(message);
    DumpedTerminal terminal{.foreground_group = pid_in(entry, TtyInfoEntry::pgrp)};
    if (const std::string_view pty = bytes_in(entry, TtyInfoEntry::pty); !pty.empty())
        terminal.number = number_in(fields_of<TtyPtyEntry>(pty), TtyPtyEntry::index, 0);
    // Of one that was hung up CRIU writes none (criu/tty.c, dump_tty_info).
    if (const std::string_view settings = bytes_in(entry, TtyInfoEntry::termios); !settings.empty())
        terminal.gives_single_keys =
            (number_in(fields_of<TermiosEntry>(settings), TermiosEntry::c_lflag, ICANON) & ICANON) == 0;
    return terminal;
}

// FL_POSIX and so on of criu/include/file-lock.h.
std::optional<LockKind> lock_kind(std::uint64_t flag) {
    switch (flag) {
    case 1:
        return LockKind::posix;
    case 2:
        return LockKind::flock;
    case 4:
        return LockKind::ofd;
    case 8:
        return LockKind::lease;
    default:
        return std::nullopt;
    }
}

// Of a lease that is being broken CRIU keeps F_RDLCK or F_WRLCK with LEASE_BREAKING (criu/include/file-lock.h) in it.
bool is_exclusive(std::uint64_t type) {
    constexpr std::uint64_t k_breaking = 4;
    return (type & ~k_breaking) == F_WRLCK;
}

} // namespace

std::vector<DumpedProcess> parse_tree(std::string_view image) {
    return parse_image([&] {
        std::vector<DumpedProcess> tree;
        for (ImageReader messages(image, ImageKind::pstree); !messages.at_end();)
            tree.push_back(parse_process(messages.next()));
        return tree;
    });
}

std::string parse_machine(std::string_view image) {
    // MARCH of images/core.proto.
    constexpr std::uint64_t k_x86_64 = 1;
    constexpr std::uint64_t k_aarch64 = 3;
    return parse_image([&]() -> std::string {
        const auto core = fields_of<CoreEntry>(ImageReader(image, ImageKind::core).next());
        const std::uint64_t machine = number_in(core, CoreEntry::mtype, 0);
        return machine == k_x86_64 ? "x86_64" : machine == k_aarch64 ? "aarch64" : "";
    });
}

KernelIds parse_ids(std::string_view image) {
    return parse_image([&] { return ids_in(ImageReader(image, ImageKind::ids).next()); });
}

KernelIds parse_host_ids(std::string_view image) {
    return parse_image([&] {
        const auto inventory = fields_of<InventoryEntry>(ImageReader(image, ImageKind::inventory).next());
        return ids_in(bytes_in(inventory, InventoryEntry::root_ids));
    });
}

DumpedClocks parse_clocks(std::string_view image) {
    return parse_image([&] {
        const auto entry = fields_of<TimensEntry>(ImageReader(image, ImageKind::clocks).next());
        return DumpedClocks{.monotonic = time_in(bytes_in(entry, TimensEntry::monotonic)),
                            .boottime = time_in(bytes_in(entry, TimensEntry::boottime))};
    });
}

std::map<int, std::uint64_t> parse_descriptors(std::string_view image) {
    return parse_image([&] {
        std::map<int, std::uint64_t> descriptors;
        for (ImageReader messages(image, ImageKind::descriptors); !messages.at_end();) {
            const auto entry = fields_of<FdinfoEntry>(messages.next());
            descriptors.emplace(static_cast<int>(number_in(entry, FdinfoEntry::fd, 0)),
                                number_in(entry, FdinfoEntry::id, 0));
        }
        return descriptors;
    });
}

std::vector<DumpedTerminal> parse_terminals(std::string_view image) {
    return parse_image([&] {
        std::vector<DumpedTerminal> terminals;
        for (ImageReader messages(image, ImageKind::terminals); !messages.at_end();)
            terminals.push_back(parse_terminal(messages.next()));
        return terminals;
    });
}

std::vector<DumpedLock> parse_file_locks(std::string_view image) {
    return parse_image([&] {
        std::vector<DumpedLock> locks;
        for (ImageReader messages(image, ImageKind::file_locks); !messages.at_end();) {
            const auto entry = fields_of<FileLockEntry>(messages.next());
            const auto kind = lock_kind(number_in(entry, FileLockEntry::flag, 0));
            if (!kind)
                continue;
            locks.push_back({.kind = *kind,
                             .is_exclusive = is_exclusive(number_in(entry, FileLockEntry::type, 0)),
                             .pid = pid_in(entry, FileLockEntry::pid),
                             .fd = static_cast<int>(number_in(entry, FileLockEntry::fd, 0)),
                             .start = number_in(entry, FileLockEntry::start, 0),
                             .length = number_in(entry, FileLockEntry::len, 0)});
        }
        return locks;
    });
}

} // namespace cedana::criu
