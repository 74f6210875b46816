// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/process/refusal.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// Where a namespace cannot be seen it is taken for the same.
bool differ(const std::optional<std::string>& one, const std::optional<std::string>& other) {
    return one && other && *one != *other;
}

// CRIU dumps it, but the restore fails in it: "Unable to open the proc file system: Operation not permitted".
std::optional<Refusal> refuse_user_namespace(const Procfs& procfs, const TreeProcess& process, pid_t self) {
    if (!differ(procfs.link(process.pid(), "ns/user"), procfs.link(self, "ns/user")))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} lives in a user namespace of its own, into which CRIU could not "
                                           "bring it back",
                                           described(process.stat)),
                   .hint = "start it without a user namespace (unshare --user, a rootless container)"};
}

// CRIU: "Can't dump nested pid namespace for".
std::optional<Refusal> refuse_nested_pids(const Procfs& procfs, const TreeProcess& root, const TreeProcess& process) {
    if (!differ(procfs.link(process.pid(), "ns/pid"), procfs.link(root.pid(), "ns/pid")))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} lives in another pid namespace than the root of its tree, {}, and CRIU "
                                           "cannot dump both together",
                                           described(process.stat), described(root.stat)),
                   .hint =
                       fmt::format("end what runs in that namespace first, or dump it alone: -p {}", process.pid())};
}

// The session as the innermost pid namespace of the process numbers it; 0 if its leader is outside.
std::optional<std::string> innermost_session(const Procfs& procfs, pid_t pid) {
    constexpr std::string_view k_key = "NSsid:";
    for (const std::string& line : split(procfs.read(pid, "status").value_or(""), '\n'))
        if (line.starts_with(k_key))
            return split(std::string(trim(std::string_view(line).substr(k_key.size()))), '\t').back();
    return std::nullopt;
}

// CRIU: "A session leader of is outside of its pid namespace".
std::optional<Refusal> refuse_session_outside(const Procfs& procfs, const TreeProcess& process) {
    if (process.stat.is_zombie() || innermost_session(procfs, process.pid()) != "0")
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} belongs to a session that was begun outside of its pid namespace, "
                                           "which CRIU cannot dump",
                                           described(process.stat)),
                   .hint = "start it with setsid inside of the namespace"};
}

// CRIU: "Can't dump nested time namespace for".
std::optional<Refusal> refuse_nested_time(const Procfs& procfs, const TreeProcess& root, const TreeProcess& process) {
    const auto own = procfs.link(process.pid(), "ns/time");
    const bool for_children = differ(own, procfs.link(process.pid(), "ns/time_for_children"));
    if (!for_children && !differ(own, procfs.link(root.pid(), "ns/time")))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} {}, which CRIU cannot dump", described(process.stat),
                                           for_children ? "has made a time namespace for its children"
                                                        : "lives in another time namespace than the root of its tree"),
                   .hint = "start the whole tree in one time namespace (unshare --time --fork before the program)"};
}

// CRIU: "Task with SysVIPC shmem map doesn't live in IPC ns".
std::optional<Refusal> refuse_shared_memory(const Procfs& procfs, const Holdings& holdings, const TreeProcess& root,
                                            pid_t self) {
    const auto is_segment = [](const MappedFile& file) { return file.target.starts_with("/SYSV"); };
    if (std::ranges::none_of(holdings.mapped, is_segment) ||
        differ(procfs.link(root.pid(), "ns/ipc"), procfs.link(self, "ns/ipc")))
        return std::nullopt;
    return Refusal{.pid = holdings.process.pid(),
                   .sentence = fmt::format("{} uses System V shared memory of the host, which CRIU cannot dump",
                                           described(holdings.process.stat)),
                   .hint = "start the program in an ipc namespace of its own: unshare --ipc PROGRAM"};
}

} // namespace

std::vector<Refusal> refused_namespaces(const Procfs& procfs, const TreeHoldings& tree, pid_t self) {
    const TreeProcess& root = tree.front().process;
    std::vector<Refusal> refusals;
    const auto add = [&](std::optional<Refusal> refusal) {
        if (refusal)
            refusals.push_back(std::move(*refusal));
    };
    for (const Holdings& one : tree) {
        add(refuse_user_namespace(procfs, one.process, self));
        add(refuse_nested_pids(procfs, root, one.process));
        add(refuse_session_outside(procfs, one.process));
        add(refuse_nested_time(procfs, root, one.process));
        add(refuse_shared_memory(procfs, one, root, self));
    }
    return refusals;
}

} // namespace cedana
