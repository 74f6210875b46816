// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/losses.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/facts/record.hpp"
#include "cedana/facts/refusal.hpp"
#include "cedana/process/memory_areas.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <set>

#include <spdlog/fmt/fmt.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hung_up.hpp"
#include "socket_number.hpp"

namespace cedana {

namespace {

// What the kernel maps and seals by itself (CONFIG_MSEAL_SYSTEM_MAPPINGS) is there in every process.
bool is_of_kernel(std::string_view name) {
    constexpr auto k_names = std::to_array<std::string_view>({"[vdso", "[vvar", "[vsyscall", "[uprobes", "[sigpage"});
    return std::ranges::any_of(k_names, [&](std::string_view one) { return name.starts_with(one); });
}

void add_range(std::vector<MemoryRange>& ranges, const MemoryRange& range) {
    if (!ranges.empty() && ranges.back().end == range.start)
        ranges.back().end = range.end;
    else
        ranges.push_back(range);
}

bool knows_mseal() {
#ifdef SYS_mseal
    constexpr long k_mseal = SYS_mseal;
#else
    // The same on every machine (Linux 6.10).
    constexpr long k_mseal = 462;
#endif
    return ::syscall(k_mseal, 0UL, 0UL, 0UL) == 0 || errno != ENOSYS;
}

bool has_protection_keys() {
    std::ifstream cpus("/proc/cpuinfo");
    for (std::string line; std::getline(cpus, line);)
        if (line.starts_with("flags"))
            return fmt::format("{} ", line).find(" ospke ") != std::string::npos;
    return false;
}

// FIONREAD; 0 where there is nothing.
int unread_in(const UniqueFd& descriptor) {
    int bytes = 0;
    return descriptor && ::ioctl(descriptor.get(), FIONREAD, &bytes) == 0 ? bytes : 0;
}

std::string socket_loss(const TreeProcess& process, int fd) {
    const UniqueFd socket = copy_descriptor(process.handle.pidfd(), fd);
    const int domain = socket ? socket_number(socket, SO_DOMAIN) : -1;
    const int type = socket ? socket_number(socket, SO_TYPE) : -1;
    const bool is_inet = domain == AF_INET || domain == AF_INET6;
    if ((is_inet && (type == SOCK_DGRAM || type == SOCK_RAW)) || domain == AF_PACKET)
        return unread_in(socket) > 0
                   ? fmt::format("the datagrams that {} has not read from descriptor {}", described(process.stat), fd)
                   : std::string();
    if (!is_inet || type != SOCK_STREAM)
        return {};
    std::array<char, 16> layer{};
    auto size = static_cast<socklen_t>(layer.size());
    if (::getsockopt(socket.get(), SOL_TCP, TCP_ULP, layer.data(), &size) == 0 && layer.front() != '\0')
        return fmt::format("the layer '{}' of the kernel on the connection that {} has at descriptor {}",
                           printable(layer.data()), described(process.stat), fd);
    return {};
}

// CRIU adds it as it finds it, and the kernel adds errors and the other end's leaving to whatever is added
// (criu/eventpoll.c, epoll_create's restore by epoll_ctl; fs/eventpoll.c, do_epoll_ctl).
std::string epoll_loss(const TreeProcess& process, const OpenFile& file) {
    const auto used_up = std::ranges::count_if(file.epoll_targets, &EpollTarget::is_used_up);
    return used_up == 0
               ? std::string()
               : fmt::format("that nothing is told to {} of {} descriptors that its epoll descriptor {} waited "
                             "for once (EPOLLONESHOT), before it asks again: errors are",
                             described(process.stat), used_up, file.fd);
}

// CRIU keeps what is in a terminal by the descriptors that lead to that (criu/tty.c).
std::string output_loss(const TreeProcess& process, const OpenFile& file) {
    if (!is_left_by_all(process, file) || unread_in(copy_descriptor(process.handle.pidfd(), file.fd)) == 0)
        return {};
    return fmt::format("what {} has not read of a terminal that all have closed (descriptor {})",
                       described(process.stat), file.fd);
}

std::string descriptor_loss(const TreeProcess& process, const OpenFile& file) {
    if (file.master_of)
        return output_loss(process, file);
    switch (kind_of(file)) {
    case OpenKind::socket:
        return socket_loss(process, file.fd);
    case OpenKind::inotify:
    case OpenKind::fanotify:
        return unread_in(copy_descriptor(process.handle.pidfd(), file.fd)) > 0
                   ? fmt::format("the events that {} has not read from its {} (descriptor {})", described(process.stat),
                                 name_of(kind_of(file)), file.fd)
                   : std::string();
    case OpenKind::epoll:
        return epoll_loss(process, file);
    default:
        return {};
    }
}

// "VmLck:	     132 kB"
bool has_locked_memory(const Procfs& procfs, pid_t pid) {
    constexpr std::string_view k_key = "VmLck:";
    for (const std::string& line : split(procfs.read(pid, "status").value_or(""), '\n'))
        if (line.starts_with(k_key))
            return line.find_first_of("123456789") != std::string::npos;
    return false;
}

// Whether what is mapped later is to be locked too (MCL_FUTURE) is told nowhere; who has locked all that there is has
// called mlockall.
std::string lock_loss(const Procfs& procfs, const TreeProcess& process) {
    const MappingFlags flags = locked_memory(procfs, process.pid());
    if (!flags.locked_on_fault.empty())
        return fmt::format(
            "the rule by which {} locks memory as it is touched (MLOCK_ONFAULT; of its private memory what "
            "is there now stays locked)",
            described(process.stat));
    if (!flags.all_locked)
        return {};
    return fmt::format("the rule by which {} may have locked what it maps later (mlockall with MCL_FUTURE; what is "
                       "locked now stays so)",
                       described(process.stat));
}

// "Speculation_Store_Bypass:	thread force mitigated": asked for by the program itself (prctl(2),
// PR_SET_SPECULATION_CTRL).
std::string mitigation_loss(const Procfs& procfs, const TreeProcess& process) {
    for (const std::string& line : split(procfs.read(process.pid(), "status").value_or(""), '\n')) {
        const bool is_line = line.starts_with("Speculation");
        // With filters the kernel may have set it, and sets it again with them.
        if (is_line && process.status.seccomp_mode == 0 &&
            (line.ends_with("thread force mitigated") || line.ends_with("thread mitigated") ||
             line.ends_with("conditional force disabled") || line.ends_with("conditional disabled")))
            return fmt::format("the mitigation of speculation that {} has asked for (PR_SET_SPECULATION_CTRL)",
                               described(process.stat));
    }
    return {};
}

// CRIU keeps it of mappings for which it was asked one by one (madvise(2), MADV_MERGEABLE).
std::string merging_loss(const Procfs& procfs, const TreeProcess& process) {
    if (procfs.read(process.pid(), "ksm_stat").value_or("").find("ksm_merge_any: yes") == std::string::npos)
        return {};
    return fmt::format("the rule by which equal pages of {} are merged (PR_SET_MEMORY_MERGE)", described(process.stat));
}

// Not a reason to refuse: interpreters guard the code that they make so, and run without.
std::string key_loss(const Procfs& procfs, const TreeProcess& process) {
    static const bool has_keys = has_protection_keys();
    if (!has_keys || parse_smaps(procfs.read(process.pid(), "smaps").value_or("")).keyed == 0)
        return {};
    return fmt::format("the memory protection keys of mappings of {}", described(process.stat));
}

} // namespace

MappingFlags parse_smaps(std::string_view smaps) {
    MappingFlags found{.all_locked = true};
    for (const MemoryArea& area : parse_areas(smaps)) {
        if (is_of_kernel(area.name))
            continue;
        found.sealed += area.has_flag("sl") ? 1 : 0;
        // Execute-only memory (mm/mprotect.c) has a key that the kernel takes anew by itself.
        found.keyed += area.protection_key > 0 && (area.has_flag("rd") || !area.has_flag("ex")) ? 1 : 0;
        const bool locked = area.has_flag("lo");
        found.locked = found.locked || locked;
        if (locked && area.has_flag("lf"))
            add_range(found.locked_on_fault, {.start = area.start, .end = area.end});
        // Memory of devices is never locked (mm/mlock.c, mlock_fixup).
        found.all_locked = found.all_locked && (locked || area.has_flag("io") || area.has_flag("pf"));
    }
    found.all_locked = found.all_locked && found.locked;
    return found;
}

MappingFlags locked_memory(const Procfs& procfs, pid_t pid) {
    return has_locked_memory(procfs, pid) ? parse_smaps(procfs.read(pid, "smaps").value_or("")) : MappingFlags();
}

std::vector<SandboxLoss> find_sandbox_losses(const Procfs& procfs, const ProcessTree& tree) {
    if (!knows_mseal())
        return {};
    std::vector<SandboxLoss> losses;
    for (const TreeProcess& process : tree.processes) {
        const MappingFlags flags = parse_smaps(procfs.read(process.pid(), "smaps").value_or(""));
        if (flags.sealed > 0)
            losses.push_back(
                {.pid = process.pid(),
                 .sentence = fmt::format("{} has sealed {} of its mappings (mseal), and CRIU does not seal "
                                         "them again",
                                         described(process.stat), flags.sealed)});
    }
    return losses;
}

std::vector<std::string> find_losses(const Procfs& procfs, const ProcessTree& tree) {
    std::vector<std::string> losses;
    for (const TreeProcess& process : tree.processes)
        for (const std::string& loss : {lock_loss(procfs, process), mitigation_loss(procfs, process),
                                        merging_loss(procfs, process), key_loss(procfs, process)})
            if (!loss.empty())
                losses.push_back(loss);
    return losses;
}

std::vector<std::string> find_unread(const TreeHoldings& tree) {
    std::vector<std::string> losses;
    std::set<std::string> known;
    for (const Holdings& one : tree)
        for (const OpenFile& file : one.open)
            // A socket is often open in many processes.
            if (!inode_of(file.target, "socket") || known.insert(file.target).second)
                if (std::string loss = descriptor_loss(one.process, file); !loss.empty())
                    losses.push_back(std::move(loss));
    return losses;
}

} // namespace cedana
