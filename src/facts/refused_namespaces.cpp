// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/facts/refusal.hpp"
#include "cedana/process/job_place.hpp"

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

// " of nginx.service"
std::string of_unit(const SystemdUnit& unit) {
    return unit.is_service() ? fmt::format(" of {}", printable(unit.name)) : std::string();
}

// PrivateUsers= (systemd.exec(5)). The manager of a user has no right to make other namespaces without one.
std::string user_namespace_hint(const SystemdUnit& unit) {
    if (!unit.is_service())
        return "start it without a user namespace (unshare --user, a rootless container)";
    if (!unit.user.empty())
        return fmt::format("take out of {} what shuts it in (PrivateTmp=, ProtectSystem= and their like), for which "
                           "the manager of a user makes such a namespace",
                           unit.name);
    return drop_in_hint(unit, "PrivateUsers=no",
                        "what breaks out of the unit has the rights of its user on the host, and not those of nobody");
}

// CRIU dumps it, but the restore fails in it: "Unable to open the proc file system: Operation not permitted".
std::optional<Refusal> refuse_user_namespace(const Holdings& one, const Namespaces& own, const SystemdUnit& unit) {
    const TreeProcess& process = one.process;
    if (!differ(one.namespaces, own, "user"))
        return std::nullopt;
    return Refusal{
        .pid = process.pid(),
        .sentence = fmt::format("{}{} lives in a user namespace of its own{}, into which CRIU could not bring it back",
                                described(process.stat), of_unit(unit),
                                unit.is_service() && unit.user.empty() ? " (PrivateUsers=)" : ""),
        .hint = user_namespace_hint(unit)};
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

// CRIU dumps a pid namespace with its first process, or from inside of it, as a job's supervisor has it done.
std::optional<Refusal> refuse_member(const Procfs& procfs, const TreeProcess& root, const Namespaces& of_root,
                                     const Namespaces& own) {
    const std::vector<pid_t>& numbers = root.status.namespace_pids;
    if (!differ(of_root, own, "pid") || numbers.empty() || numbers.back() == 1)
        return std::nullopt;
    if (is_in_space_of_job(procfs.read(root.pid(), "mountinfo").value_or("")))
        return Refusal{.pid = root.pid(),
                       .sentence = fmt::format("{} belongs to a job of cedana, whose supervisor alone has it dumped",
                                               described(root.stat)),
                       .hint = "name the job: cedana client checkpoint JOB (cedana client ps lists them); to have it "
                               "on another host, cedana client stop JOB here and cedana client run --job JOB there, "
                               "with the same store"};
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
                   .hint = for_children
                               ? std::string("start the whole tree in one time namespace (unshare --time --fork "
                                             "before the program)")
                               : fmt::format("if it came back from a checkpoint: dump it by itself (cedana client "
                                             "dump -p {} --stop), and restore it with --clocks host, which leaves it "
                                             "in the time namespace of its host; else start the whole tree in one "
                                             "(unshare --time --fork before the program)",
                                             process.pid())};
}

// CRIU: "Task with SysVIPC shmem map doesn't live in IPC ns".
std::optional<Refusal> refuse_shared_memory(const Holdings& holdings, const Holdings& root, const Namespaces& own,
                                            const SystemdUnit& unit) {
    const auto is_segment = [](const MappedFile& file) { return file.target.starts_with("/SYSV"); };
    if (std::ranges::none_of(holdings.mapped, is_segment) || differ(root.namespaces, own, "ipc"))
        return std::nullopt;
    return Refusal{.pid = holdings.process.pid(),
                   .sentence = fmt::format("{}{} uses System V shared memory of the host, which CRIU cannot dump",
                                           described(holdings.process.stat), of_unit(unit)),
                   .hint = unit.is_service()
                               ? drop_in_hint(unit, "PrivateIPC=yes",
                                              "no program outside of the unit reaches its System V shared memory, "
                                              "semaphores and message queues any more")
                               : "start the program in an ipc namespace of its own: unshare --ipc PROGRAM"};
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

std::vector<Refusal> refused_namespaces(const Procfs& procfs, const TreeHoldings& tree, const Namespaces& criu,
                                        const SystemdUnit& unit) {
    const Holdings& root = tree.front();
    std::vector<Refusal> refusals;
    const auto add = [&](std::optional<Refusal> refusal) {
        if (refusal)
            refusals.push_back(std::move(*refusal));
    };
    // What all of a tree have in common is said once.
    std::optional<Refusal> users;
    std::optional<Refusal> memory;
    add(refuse_member(procfs, root.process, root.namespaces, criu));
    for (const Holdings& one : tree) {
        if (!users)
            add(users = refuse_user_namespace(one, criu, unit));
        add(refuse_nested_pids(root, one));
        add(refuse_session_outside(one.process));
        add(refuse_nested_time(root, one));
        add(refuse_nested(root, one, criu));
        if (!memory)
            add(memory = refuse_shared_memory(one, root, criu, unit));
        add(refuse_tunnel(one, root, criu));
    }
    return refusals;
}

} // namespace cedana
