// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/kernel_checks.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/own_cgroup.hpp"
#include "cedana/base/text.hpp"
#include "cedana/lazy/userfault.hpp"

#include <array>
#include <string>

#include <spdlog/fmt/fmt.h>

#include <linux/capability.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

struct Capability {
    int number;
    std::string_view name;
};

// CRIU's own check asks for the first; without the others some step of every dump or restore fails.
constexpr std::array k_needed = {
    Capability{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
    Capability{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
    Capability{CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    Capability{CAP_KILL, "CAP_KILL"},
    Capability{CAP_SETUID, "CAP_SETUID"},
    Capability{CAP_SETGID, "CAP_SETGID"},
};

std::string read_small(const fs::path& path) {
    try {
        return std::string(trim(read_file(path, 4096)));
    } catch (const Error&) {
        return {};
    }
}

Requirement check_optional(const ProcessStatus& status, Capability capability, std::string lost) {
    const std::string name(capability.name);
    if (status.has_capability(capability.number))
        return met(name, "held");
    return {.name = name,
            .standing = Standing::doubtful,
            .found = "root does not have it here: " + std::move(lost),
            .needed = name,
            .remedy = "run cedana where root has it: outside of the container or virtual machine that takes it away",
            .permanent = fmt::format("start the container with --cap-add={}", name.substr(4))};
}

} // namespace

std::string_view name_of(Standing standing) {
    return standing == Standing::good ? "ok" : standing == Standing::doubtful ? "warn" : "fail";
}

std::vector<Requirement> check_privileges(const ProcessStatus& status) {
    if (status.uid.effective != 0)
        return {{.name = "root",
                 .standing = Standing::bad,
                 .found = fmt::format("uid {}", status.uid.effective),
                 .needed = "root: only root can dump and restore",
                 .remedy = "run it with sudo",
                 .permanent = "a line in /etc/sudoers.d (see sudoers(5)), or a systemd unit"}};
    std::vector<std::string> missing;
    for (const Capability& capability : k_needed)
        if (!status.has_capability(capability.number))
            missing.emplace_back(capability.name);
    std::vector<Requirement> found;
    if (missing.empty())
        found.push_back(met("root", "uid 0, with the capabilities that CRIU uses"));
    else
        found.push_back({.name = "root",
                         .standing = Standing::bad,
                         .found = fmt::format("uid 0 without {}", fmt::join(missing, ", ")),
                         .needed = "root with these capabilities",
                         .remedy = "run cedana outside of the container",
                         .permanent = "start the container with --privileged"});
    found.push_back(
        check_optional(status, {CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE"},
                       "processes of other users than root cannot be dumped, and who brings the memory of a "
                       "lazy restore can be ended when memory runs out"));
    found.push_back(check_optional(status, {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
                                   "processes with established TCP connections cannot be dumped"));
    return found;
}

Requirement check_tracing(const fs::path& sys) {
    const std::string scope = read_small(sys / "kernel/yama/ptrace_scope");
    if (scope != "3")
        return met("tracing", scope.empty() ? "not restricted" : fmt::format("kernel.yama.ptrace_scope is {}", scope));
    // Yama documents that 3 cannot be undone before the next boot.
    return {.name = "tracing",
            .standing = Standing::bad,
            .found = "kernel.yama.ptrace_scope is 3: no process may be looked into",
            .needed = "0, 1 or 2",
            .remedy = "remove it from /etc/sysctl.d and boot again: 3 cannot be changed while the kernel runs",
            .permanent = "kernel.yama.ptrace_scope = 1 in /etc/sysctl.d/90-cedana.conf"};
}

Requirement check_userfaultfd() {
    try {
        criu::require_userfault();
        return met("userfaultfd", "available");
    } catch (const Error& error) {
        return {.name = "userfaultfd",
                .standing = Standing::doubtful,
                .found = error.message(),
                .needed = "userfaultfd with its events, for a lazy restore",
                .remedy = error.hint(),
                .permanent =
                    "vm.unprivileged_userfaultfd = 1 in /etc/sysctl.d/90-cedana.conf, or a kernel from 4.11 on "
                    "that is built with CONFIG_USERFAULTFD"};
    }
}

Requirement check_own_cgroup() {
    if (const auto place = criu::place_for_own_cgroup())
        return met("own cgroup", fmt::format("can be made at {}", place->string()));
    return {.name = "own cgroup",
            .standing = Standing::doubtful,
            .found =
                "none can be made: what ends the service or session of cedana (systemctl stop) also ends a CRIU that "
                "dumps, and who brings the memory of a lazy restore",
            .needed = "cgroup version 2, or the hierarchy of systemd in version 1, that can be written",
            .remedy = "mount -o remount,rw /sys/fs/cgroup",
            .permanent = "start the container with a cgroup file system that can be written"};
}

Requirement check_cgroups(const fs::path& cgroups) {
    std::error_code ignored;
    const bool unified = fs::exists(cgroups / "cgroup.controllers", ignored);
    if (unified && ::access(cgroups.c_str(), W_OK) == 0)
        return met("cgroups", fmt::format("version 2 at {}", cgroups.string()));
    if (!unified && (fs::exists(cgroups / "memory", ignored) || fs::exists(cgroups / "freezer", ignored)))
        return met("cgroups", fmt::format("version 1 at {}", cgroups.string()));
    return {.name = "cgroups",
            .standing = Standing::doubtful,
            .found = unified ? fmt::format("{} cannot be written", cgroups.string())
                             : fmt::format("none at {}", cgroups.string()),
            .needed = "a cgroup file system that can be written, for processes that are limited by one",
            .remedy = unified ? fmt::format("mount -o remount,rw {}", shell_word(cgroups.string()))
                              : fmt::format("mount -t cgroup2 none {}", shell_word(cgroups.string())),
            .permanent = "a line in /etc/fstab"};
}

} // namespace cedana
