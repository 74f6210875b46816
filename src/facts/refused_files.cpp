// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/facts/outside_files.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "close_hint.hpp"

namespace cedana {

namespace {

constexpr std::string_view k_anonymous = "anon_inode:";

// criu/files.c, dump_one_file.
bool is_known_anonymous(std::string_view kind) {
    constexpr auto k_known = std::to_array<std::string_view>(
        {"[eventfd]", "[eventpoll]", "inotify", "[fanotify]", "[signalfd]", "[timerfd]", "[pidfd]", "bpf-map"});
    return std::ranges::find(k_known, kind) != k_known.end();
}

// criu/tty.c, get_tty_driver: of the terminals with major 4 it knows the virtual ones, /dev/tty1 to 63, not /dev/tty0
// and the serial lines (/dev/ttyS0).
bool is_known_terminal(dev_t device) {
    constexpr unsigned k_virtual = 4;
    constexpr unsigned k_alternative = 5;
    constexpr unsigned k_usb_serial = 188;
    constexpr unsigned k_serial = 204;
    switch (const unsigned number = major(device)) {
    case k_virtual:
#ifdef __s390x__
        if (minor(device) == 64 || minor(device) == 65)
            return true;
#endif
        return minor(device) >= 1 && minor(device) <= 63;
    case k_alternative:
        return minor(device) <= 2;
    case k_usb_serial:
    case k_serial:
        return true;
    default:
        return number >= 128 && number <= 136;
    }
}

// criu/files.c, dump_chrdev; see Documentation/admin-guide/devices.txt.
bool is_known_device(dev_t device) {
    constexpr unsigned k_memory = 1;
    constexpr unsigned k_misc = 10;
    const bool tunnel_or_autofs = major(device) == k_misc && (minor(device) == 200 || minor(device) == 235);
    return major(device) == k_memory || tunnel_or_autofs || is_known_terminal(device);
}

// criu/include/timerfd.h, verify_timerfd(): "Unknown clock type". Those that wake a suspended host are not among them.
bool is_known_clock(int clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME;
}

// What CRIU asks of a pipe, a socket and a terminal it cannot ask of a mere place (criu/pipes.c, dump_one_pipe_data;
// criu/sockets.c, dump_socket; criu/tty.c, dump_one_tty: EBADF); folders, files and links it only names again. Null:
// it can.
const char* unaskable_place(const OpenFile& file) {
    if (!file.is_place() || !file.info)
        return nullptr;
    if (S_ISFIFO(file.info->st_mode))
        return "FIFO";
    if (S_ISSOCK(file.info->st_mode))
        return "socket";
    return S_ISCHR(file.info->st_mode) && is_known_terminal(file.info->st_rdev) ? "terminal" : nullptr;
}

// criu/bpfmap.c, dump_one_bpfmap: hashes and arrays (include/uapi/linux/bpf.h, enum bpf_map_type).
bool is_known_map(unsigned type) { return type == 1 || type == 2; }

bool is_gpu(std::string_view path) {
    return path.starts_with("/dev/nvidia") || path.starts_with("/dev/dri/") || path == "/dev/kfd";
}

// CRIU: "Can't dump file of that type".
std::optional<Refusal> refuse_kind(const TreeProcess& process, const OpenFile& file) {
    Refusal refusal{
        .pid = process.pid(), .sentence = {}, .hint = k_close_hint, .program_can_help = true, .plugin_can_help = true};
    const std::string_view target = file.target;
    if (target == "anon_inode:[io_uring]") {
        refusal.sentence =
            fmt::format("{} has an io_uring instance open, which CRIU cannot dump", described(process.stat));
        refusal.hint = io_uring_hint(process);
        refusal.plugin_can_help = false;
    } else if (target.starts_with(k_anonymous) && !is_known_anonymous(target.substr(k_anonymous.size()))) {
        refusal.sentence = fmt::format("{} has a descriptor of the kernel open (number {}: {}), which CRIU cannot dump",
                                       described(process.stat), file.fd, target.substr(k_anonymous.size()));
    } else if (file.info && (S_ISCHR(file.info->st_mode) || S_ISBLK(file.info->st_mode)) && !is_gpu(target) &&
               !(S_ISCHR(file.info->st_mode) && is_known_device(file.info->st_rdev))) {
        refusal.sentence =
            fmt::format("{} has the device {} open, which CRIU cannot dump", described(process.stat), target);
    } else if (file.map_type && !is_known_map(*file.map_type)) {
        refusal.sentence = fmt::format("{} has a BPF map of type {} open (descriptor {}), which CRIU cannot dump",
                                       described(process.stat), *file.map_type, file.fd);
    } else if (file.clock && !is_known_clock(*file.clock)) {
        refusal.sentence = fmt::format("{} has an alarm clock open (timerfd, descriptor {}, clock {}), which CRIU "
                                       "cannot dump",
                                       described(process.stat), file.fd, *file.clock);
        refusal.plugin_can_help = false;
    } else if (const char* const place = unaskable_place(file)) {
        refusal.sentence = fmt::format("{} has the place of the {} {} open (O_PATH, descriptor {}), which CRIU cannot "
                                       "dump",
                                       described(process.stat), place, printable(file.target), file.fd);
        refusal.plugin_can_help = false;
    }
    return refusal.sentence.empty() ? std::nullopt : std::optional(std::move(refusal));
}

// What lies on a mount of the kernel's own and CRIU does not know; null if it is a file as others are.
const char* kind_without_mount(const TreeProcess& process, const OpenFile& file) {
    // include/uapi/linux/magic.h; ipc/mqueue.c
    constexpr auto k_secret_memory = 0x5345434d;
    constexpr auto k_message_queue = 0x19800202;
    const UniqueFd ours = copy_descriptor(process.handle.pidfd(), file.fd);
    struct ::statfs system {};
    if (!ours || ::fstatfs(ours.get(), &system) != 0)
        return nullptr;
    if (system.f_type == k_secret_memory)
        return "secret memory (memfd_secret)";
    return system.f_type == k_message_queue ? "a POSIX message queue" : nullptr;
}

// What CRIU cannot be given at a restore either: a deleted file, one of a third mount namespace or of a file system
// that was detached.
std::optional<Refusal> refuse_mount(const TreeMounts& mounts, const TreeProcess& process, const OpenFile& file) {
    if (!mounts.lack(file) || as_outside_file(file))
        return std::nullopt;
    if (const char* const kind = kind_without_mount(process, file))
        return Refusal{.pid = process.pid(),
                       .sentence = fmt::format("{} has {} open (descriptor {}: {}), which CRIU cannot dump",
                                               described(process.stat), kind, file.fd, file.target),
                       .hint = k_close_hint,
                       .program_can_help = true,
                       .plugin_can_help = true};
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} has {} open (descriptor {}), which lies outside of its mount namespace",
                                           described(process.stat), file.target, file.fd),
                   .hint = "open it inside of the namespace (for standard input: < /dev/null there), or close it "
                           "before the program is started",
                   .program_can_help = true,
                   .plugin_can_help = true};
}

// All of them are on one file system (fs/nsfs.c).
bool is_namespace(const struct ::stat& info) {
    static const auto k_any = Procfs().file(::getpid(), "ns/mnt");
    return k_any && k_any->st_dev == info.st_dev;
}

// "net:[4026532183]": CRIU knows the namespaces that processes of the tree live in (criu/namespaces.c,
// dump_one_ns_file: "No NS ID with kid").
std::optional<Refusal> refuse_namespace(const TreeHoldings& tree, const TreeProcess& process, const OpenFile& file) {
    constexpr auto k_kinds =
        std::to_array<std::string_view>({"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"});
    // By a name that it was given (ip-netns(8)) CRIU takes it for a file, and cannot find its place in that: "Illegal
    // seek".
    if (file.info && S_ISREG(file.info->st_mode) && file.target.starts_with('/') && is_namespace(*file.info))
        return Refusal{.pid = process.pid(),
                       .sentence =
                           fmt::format("{} has the namespace {} open (descriptor {}), which CRIU could not bring "
                                       "back",
                                       described(process.stat), printable(file.target), file.fd),
                       .hint = k_close_hint,
                       .program_can_help = true};
    const std::string_view kind = std::string_view(file.target).substr(0, file.target.find(':'));
    if (!file.target.ends_with(']') || std::ranges::find(k_kinds, kind) == k_kinds.end() ||
        std::ranges::any_of(tree, [&](const Holdings& one) {
            return std::ranges::any_of(one.namespaces.all(),
                                       [&](const auto& link) { return link.second == file.target; });
        }))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} has a namespace open ({}, descriptor {}) in which nobody of its tree "
                                           "lives, and CRIU cannot dump that",
                                           described(process.stat), kind, file.fd),
                   .hint = k_close_hint,
                   .program_can_help = true};
}

std::optional<struct ::statx> look_at_place(const std::string& path) {
    struct ::statx seen {};
    if (::statx(AT_FDCWD, path.c_str(), AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &seen) != 0)
        return std::nullopt;
    return seen;
}

// Whether something that was mounted later may hide it; what a name leads to costs more to find out.
bool may_be_covered(const std::vector<Mount>& mounts, const OpenFile& file) {
    const auto own = std::ranges::find(mounts, *file.mount, &Mount::id);
    return own != mounts.end() && std::ranges::any_of(mounts, [&](const Mount& one) {
               return one.id != own->id && one.path.size() >= own->path.size() && lies_below(file.target, one.path);
           });
}

// CRIU opens by name, and finds another file or none ("Can't link remap to", "on overmounted mounts"). From outside the
// path begins at the root of the mount namespace.
std::optional<Refusal> refuse_covered(const Procfs& procfs, const std::vector<Mount>& mounts,
                                      const TreeProcess& process, const OpenFile& file) {
    if (!is_looked_up_by_mount(file) || file.target.ends_with(k_deleted) || file.info->st_nlink == 0 ||
        !may_be_covered(mounts, file) || procfs.link(process.pid(), "root") != "/")
        return std::nullopt;
    const auto named = look_at_place(fmt::format("/proc/{}/root{}", process.pid(), file.target));
    const bool is_there = named ? makedev(named->stx_dev_major, named->stx_dev_minor) == file.info->st_dev &&
                                      named->stx_ino == file.info->st_ino
                                : errno != ENOENT && errno != ENOTDIR;
    if (is_there)
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence =
                       fmt::format("{} has {} open (descriptor {}), which another mount covers by now, and CRIU "
                                   "cannot dump that",
                                   described(process.stat), printable(file.target), file.fd),
                   .hint = "unmount what covers it (umount), or close the file before the dump",
                   .program_can_help = true,
                   .plugin_can_help = true};
}

// chattr(1): it was opened before, and could not be opened again.
std::optional<Refusal> refuse_immutable(const TreeProcess& process, const OpenFile& file) {
    if (!file.info || !S_ISREG(file.info->st_mode) || !file.writable() || file.is_place())
        return std::nullopt;
    const auto seen = look_at_place(fmt::format("/proc/{}/fd/{}", process.pid(), file.fd));
    if (!seen)
        return std::nullopt;
    const bool is_immutable = (seen->stx_attributes & STATX_ATTR_IMMUTABLE) != 0;
    const bool only_appended = (seen->stx_attributes & STATX_ATTR_APPEND) != 0 && (file.flags & O_APPEND) == 0;
    if (!is_immutable && !only_appended)
        return std::nullopt;
    return Refusal{
        .pid = process.pid(),
        .sentence = fmt::format("{} has {} open for writing (descriptor {}), which {} by now (chattr), so that CRIU "
                                "could not open it again",
                                described(process.stat), printable(file.target), file.fd,
                                is_immutable ? "cannot be written to" : "can only be appended to"),
        .hint =
            fmt::format("take the attribute away: chattr -{} {}", is_immutable ? 'i' : 'a', shell_word(file.target)),
        .program_can_help = true};
}

// A process that has left its mount namespace since it was started (unshare(2)) runs a program from a mount that is not
// in the one where it is now: "Can't lookup mount= for fd=-3" (criu/cr-dump.c, dump_task_exe_link).
std::optional<Refusal> refuse_program_outside(const Procfs& procfs, const TreeMounts& mounts, const Holdings& one) {
    const auto namespace_of_tree = one.namespaces.get("mnt");
    if (one.process.stat.is_zombie() || !namespace_of_tree || namespace_of_tree == procfs.link(::getpid(), "ns/mnt"))
        return std::nullopt;
    const pid_t pid = one.process.pid();
    const auto mount = procfs.mount_of(pid, "exe");
    const OpenFile program{
        .target = procfs.link(pid, "exe").value_or(""), .info = procfs.file(pid, "exe"), .mount = mount};
    if (!mounts.lack(program))
        return std::nullopt;
    return Refusal{
        .pid = pid,
        .sentence = fmt::format("{} has left the mount namespace in which it was started, and its program {} "
                                "lies outside of the one where it is, which CRIU cannot dump",
                                described(one.process.stat), printable(program.target)),
        .hint = "let it start its program anew there (execve), or start it in there: unshare --mount PROGRAM",
        .program_can_help = true};
}

constexpr const char* k_native_aio =
    "put the lines [mysqld] and innodb_use_native_aio=0 into a file of its configuration (/etc/mysql/conf.d/aio.cnf) "
    "and "
    "start it anew; what that costs: its threads wait for its disk, which is slower where that is busy";

struct RingSwitch {
    std::string_view program;
    const char* hint;
};

// By the name of the program's file, of which it is the beginning.
constexpr auto k_ring_switches = std::to_array<RingSwitch>({
    {"node", "start it anew with UV_USE_IO_URING=0 in its environment"},
    {"mariadb", k_native_aio},
    {"mysqld", k_native_aio},
    {"postgres", "set io_method=worker in postgresql.conf and start it anew"},
    {"nginx", "leave io_uring out of its configuration (aio off, or aio threads) and start it anew"},
    {"redis", "start it anew without io_uring: a build or a module of it uses that, Redis itself does not"},
    {"valkey", "start it anew without io_uring: a build or a module of it uses that, Valkey itself does not"},
});

} // namespace

std::string io_uring_hint(const TreeProcess& process) {
    const std::string program = process.executable.filename().string();
    for (const RingSwitch& known : k_ring_switches)
        if (program.starts_with(known.program))
            return known.hint;
    return "switch io_uring off in the program and start it anew (node.js: UV_USE_IO_URING=0); or start it anew where "
           "there is none (sysctl kernel.io_uring_disabled=2), where most programs do without";
}

std::vector<Refusal> refused_files(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<Refusal> refusals;
    const TreeMounts mounts(procfs, tree);
    std::string seen;
    std::vector<Mount> own_mounts;
    for (const Holdings& one : tree) {
        if (const std::string space = one.namespaces.get("mnt").value_or(""); space != seen || space.empty()) {
            own_mounts = parse_mounts(procfs.read(one.process.pid(), "mountinfo").value_or(""));
            seen = space;
        }
        if (auto refusal = refuse_program_outside(procfs, mounts, one))
            refusals.push_back(std::move(*refusal));
        for (const OpenFile& file : one.open) {
            auto refusal = refuse_kind(one.process, file);
            if (!refusal)
                refusal = refuse_mount(mounts, one.process, file);
            if (!refusal)
                refusal = refuse_namespace(tree, one.process, file);
            if (!refusal)
                refusal = refuse_covered(procfs, own_mounts, one.process, file);
            if (!refusal)
                refusal = refuse_immutable(one.process, file);
            if (refusal)
                refusals.push_back(std::move(*refusal));
        }
    }
    return refusals;
}

} // namespace cedana
