// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/refusal.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/sysmacros.h>

namespace cedana {

namespace {

// CRIU dumps it, but the restore fails in it: "Unable to open the proc file system: Operation not permitted".
std::optional<Refusal> refuse_user_namespace(const Holdings& one, const Namespaces& own) {
    const TreeProcess& process = one.process;
    if (!differ(one.namespaces, own, "user"))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} lives in a user namespace of its own, into which CRIU could not "
                                           "bring it back",
                                           described(process.stat)),
                   .hint = "start it without a user namespace (unshare --user, a rootless container)"};
}

// vsftpd(8) has a namespace for each session, which it can do without (vsftpd.conf(5)).
std::string nested_hint(const TreeProcess& root, pid_t pid) {
    if (root.executable.filename() == "vsftpd")
        return "set isolate=NO and isolate_network=NO in its configuration and start it anew";
    return fmt::format("end what runs in that namespace first, or dump it alone: -p {}", pid);
}

// CRIU: "Can't dump nested pid namespace for".
std::optional<Refusal> refuse_nested_pids(const Holdings& root, const Holdings& one) {
    const TreeProcess& process = one.process;
    if (!differ(one.namespaces, root.namespaces, "pid"))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} lives in another pid namespace than the root of its tree, {}, and CRIU "
                                           "cannot dump both together",
                                           described(process.stat), described(root.process.stat)),
                   .hint = nested_hint(root.process, process.pid())};
}

struct NestedKind {
    std::string_view kind;
    const char* name;
    // CRIU can dump such a namespace below one that the root does not share with it (CLONE_SUBNS).
    bool below_own;
};

constexpr auto k_nested_kinds = std::to_array<NestedKind>({{"ipc", "ipc", false},
                                                           {"uts", "uts", false},
                                                           {"cgroup", "control group", false},
                                                           {"mnt", "mount", true},
                                                           {"net", "network", true}});

// CRIU: "Can't dump nested ipc namespace for" (criu/namespaces.c); at the restore "Can't restore sub-task in NS"
// (criu/pstree.c).
std::optional<Refusal> refuse_nested(const Holdings& root, const Holdings& one, const Namespaces& own) {
    const TreeProcess& process = one.process;
    for (const NestedKind& nested : k_nested_kinds) {
        if (!differ(one.namespaces, root.namespaces, nested.kind) ||
            (nested.below_own && differ(root.namespaces, own, nested.kind)))
            continue;
        return Refusal{.pid = process.pid(),
                       .sentence = fmt::format("{} lives in another {} namespace than the root of its tree, {}, {}",
                                               described(process.stat), nested.name, described(root.process.stat),
                                               nested.below_own
                                                   ? "which lives in that of the host, and CRIU could not restore both"
                                                   : "and CRIU cannot dump both together"),
                       .hint = nested_hint(root.process, process.pid())};
    }
    return std::nullopt;
}

// CRIU dumps a pid namespace with its first process, or from inside of it.
std::optional<Refusal> refuse_member(const TreeProcess& root, const Namespaces& of_root, const Namespaces& own) {
    const std::vector<pid_t>& numbers = root.status.namespace_pids;
    if (!differ(of_root, own, "pid") || numbers.empty() || numbers.back() == 1)
        return std::nullopt;
    return Refusal{.pid = root.pid(),
                   .sentence = fmt::format("{} lives in a pid namespace of its own but is not the first process of "
                                           "that, and CRIU can dump it from inside alone",
                                           described(root.stat)),
                   .hint = fmt::format("dump it from there: nsenter -t {} -p -m cedana client dump -p {}", root.pid(),
                                       numbers.back())};
}

// CRIU: "A session leader of is outside of its pid namespace".
std::optional<Refusal> refuse_session_outside(const TreeProcess& process) {
    const std::vector<pid_t>& sessions = process.status.namespace_sessions;
    if (process.stat.is_zombie() || sessions.empty() || sessions.back() != 0)
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} belongs to a session that was begun outside of its pid namespace, "
                                           "which CRIU cannot dump",
                                           described(process.stat)),
                   .hint = "start it with setsid inside of the namespace"};
}

// CRIU: "Can't dump nested time namespace for".
std::optional<Refusal> refuse_nested_time(const Holdings& root, const Holdings& one) {
    const TreeProcess& process = one.process;
    const auto time = one.namespaces.get("time");
    const auto of_children = one.namespaces.get("time_for_children");
    const bool for_children = time && of_children && *time != *of_children;
    if (!for_children && !differ(one.namespaces, root.namespaces, "time"))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} {}, which CRIU cannot dump", described(process.stat),
                                           for_children ? "has made a time namespace for its children"
                                                        : "lives in another time namespace than the root of its tree"),
                   .hint = "start the whole tree in one time namespace (unshare --time --fork before the program)"};
}

// CRIU: "Task with SysVIPC shmem map doesn't live in IPC ns".
std::optional<Refusal> refuse_shared_memory(const Holdings& holdings, const Holdings& root, const Namespaces& own) {
    const auto is_segment = [](const MappedFile& file) { return file.target.starts_with("/SYSV"); };
    if (std::ranges::none_of(holdings.mapped, is_segment) || differ(root.namespaces, own, "ipc"))
        return std::nullopt;
    return Refusal{.pid = holdings.process.pid(),
                   .sentence = fmt::format("{} uses System V shared memory of the host, which CRIU cannot dump",
                                           described(holdings.process.stat)),
                   .hint = "start the program in an ipc namespace of its own: unshare --ipc PROGRAM"};
}

// criu/tun.c, dump_tunfile: "Net namespace is required to dump tun link".
std::optional<Refusal> refuse_tunnel(const Holdings& holdings, const Holdings& root, const Namespaces& own) {
    constexpr unsigned k_misc = 10;
    constexpr unsigned k_tunnel = 200;
    const auto is_tunnel = [](const OpenFile& file) {
        return file.info && S_ISCHR(file.info->st_mode) && file.info->st_rdev == makedev(k_misc, k_tunnel);
    };
    if (std::ranges::none_of(holdings.open, is_tunnel) || differ(root.namespaces, own, "net"))
        return std::nullopt;
    return Refusal{.pid = holdings.process.pid(),
                   .sentence = fmt::format("{} has a tunnel open (/dev/net/tun) in the network namespace of the host, "
                                           "which CRIU cannot dump",
                                           described(holdings.process.stat)),
                   .hint = "start the program in a network namespace of its own (ip netns exec NAME PROGRAM)",
                   .program_can_help = true};
}

} // namespace

std::vector<Refusal> refused_namespaces(const Procfs& procfs, const TreeHoldings& tree, pid_t self) {
    const Holdings& root = tree.front();
    const Namespaces own(procfs, self);
    std::vector<Refusal> refusals;
    const auto add = [&](std::optional<Refusal> refusal) {
        if (refusal)
            refusals.push_back(std::move(*refusal));
    };
    add(refuse_member(root.process, root.namespaces, own));
    for (const Holdings& one : tree) {
        add(refuse_user_namespace(one, own));
        add(refuse_nested_pids(root, one));
        add(refuse_session_outside(one.process));
        add(refuse_nested_time(root, one));
        add(refuse_nested(root, one, own));
        add(refuse_shared_memory(one, root, own));
        add(refuse_tunnel(one, root, own));
    }
    return refusals;
}

} // namespace cedana
