// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/specification_limits.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/model/json_failure.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana::containers {

namespace {

using Json = nlohmann::json;

// In the order of their numbers (linux/capability.h).
constexpr std::array<std::string_view, 41> k_capabilities = {"CAP_CHOWN",
                                                             "CAP_DAC_OVERRIDE",
                                                             "CAP_DAC_READ_SEARCH",
                                                             "CAP_FOWNER",
                                                             "CAP_FSETID",
                                                             "CAP_KILL",
                                                             "CAP_SETGID",
                                                             "CAP_SETUID",
                                                             "CAP_SETPCAP",
                                                             "CAP_LINUX_IMMUTABLE",
                                                             "CAP_NET_BIND_SERVICE",
                                                             "CAP_NET_BROADCAST",
                                                             "CAP_NET_ADMIN",
                                                             "CAP_NET_RAW",
                                                             "CAP_IPC_LOCK",
                                                             "CAP_IPC_OWNER",
                                                             "CAP_SYS_MODULE",
                                                             "CAP_SYS_RAWIO",
                                                             "CAP_SYS_CHROOT",
                                                             "CAP_SYS_PTRACE",
                                                             "CAP_SYS_PACCT",
                                                             "CAP_SYS_ADMIN",
                                                             "CAP_SYS_BOOT",
                                                             "CAP_SYS_NICE",
                                                             "CAP_SYS_RESOURCE",
                                                             "CAP_SYS_TIME",
                                                             "CAP_SYS_TTY_CONFIG",
                                                             "CAP_MKNOD",
                                                             "CAP_LEASE",
                                                             "CAP_AUDIT_WRITE",
                                                             "CAP_AUDIT_CONTROL",
                                                             "CAP_SETFCAP",
                                                             "CAP_MAC_OVERRIDE",
                                                             "CAP_MAC_ADMIN",
                                                             "CAP_SYSLOG",
                                                             "CAP_WAKE_ALARM",
                                                             "CAP_BLOCK_SUSPEND",
                                                             "CAP_AUDIT_READ",
                                                             "CAP_PERFMON",
                                                             "CAP_BPF",
                                                             "CAP_CHECKPOINT_RESTORE"};
constexpr unsigned k_bits = 64;
constexpr unsigned k_setgid = 6;
constexpr unsigned k_setuid = 7;

bool holds(std::uint64_t capabilities, unsigned number) { return (capabilities >> number & 1) != 0; }

const Json& part(const Json& object, const char* key) {
    static const Json k_nothing;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found == object.end() ? k_nothing : *found;
}

std::uint64_t number_at(const Json& object, const char* key) {
    const Json& number = part(object, key);
    return number.is_null() ? 0 : number.get<std::uint64_t>();
}

std::string text_at(const Json& object, const char* key) {
    const Json& text = part(object, key);
    return text.is_null() ? std::string() : text.get<std::string>();
}

std::uint64_t capabilities_of(const Json& names) {
    std::uint64_t bits = 0;
    for (const Json& name : names) {
        const auto known = std::ranges::find(k_capabilities, name.get<std::string>());
        if (known != k_capabilities.end())
            bits |= std::uint64_t{1} << (known - k_capabilities.begin());
    }
    return bits;
}

// As the kernel calls them in /proc, and CRIU too.
std::string kernel_name(const std::string& type) {
    if (type == "network")
        return "net";
    return type == "mount" ? "mnt" : type;
}

SpecificationLimits limits_in(const Json& json) {
    const Json& process = part(json, "process");
    const Json& user = part(process, "user");
    SpecificationLimits limits{.user = number_at(user, "uid"),
                               .groups = {number_at(user, "gid")},
                               .capabilities = capabilities_of(part(part(process, "capabilities"), "bounding")),
                               .no_new_privileges = part(process, "noNewPrivileges") == true,
                               .has_seccomp = part(part(json, "linux"), "seccomp").is_object(),
                               .label = text_at(process, "apparmorProfile")};
    if (limits.label.empty())
        limits.label = text_at(process, "selinuxLabel");
    if (limits.label == "unconfined")
        limits.label.clear();
    for (const Json& group : part(user, "additionalGids"))
        limits.groups.insert(group.get<std::uint64_t>());
    for (const Json& one : part(part(json, "linux"), "namespaces"))
        limits.namespaces.insert(kernel_name(text_at(one, "type")));
    return limits;
}

std::string name_of_capability(unsigned number) {
    return number < k_capabilities.size() ? std::string(k_capabilities.at(number)) : fmt::format("number {}", number);
}

void look_at_users(const SpecificationLimits& limits, const criu::TaskRights& task, std::vector<std::string>& found) {
    if (task.users.empty())
        found.emplace_back("has no user");
    const bool is_root = limits.user == 0;
    if (!is_root || !holds(limits.capabilities, k_setuid))
        for (const std::uint64_t user : task.users)
            if (user != limits.user)
                found.push_back(fmt::format("is user {}, where the container's is {}", user, limits.user));
    if (is_root && holds(limits.capabilities, k_setgid))
        return;
    std::set<std::uint64_t> groups = task.groups;
    groups.insert(task.more_groups.begin(), task.more_groups.end());
    for (const std::uint64_t group : groups)
        if (!limits.groups.contains(group))
            found.push_back(fmt::format("is in group {}, where the container is not", group));
}

} // namespace

SpecificationLimits parse_limits(std::string_view specification) {
    try {
        return limits_in(Json::parse(specification));
    } catch (const Json::exception& error) {
        throw Error(Fault::checkpoint,
                    fmt::format("the checkpoint is not safe to use: the container's specification cannot be read: {}",
                                what_is_wrong(error)));
    }
}

std::vector<std::string> unusual_rights(const SpecificationLimits& limits) {
    // Of docker, which gives more than podman does (moby, oci/caps/defaults.go).
    constexpr std::array<unsigned, 14> k_usual = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31};
    std::vector<std::string> unusual;
    std::uint64_t more = limits.capabilities;
    for (const unsigned number : k_usual)
        more &= ~(std::uint64_t{1} << number);
    for (unsigned number = 0; number < k_bits; ++number)
        if (holds(more, number))
            unusual.push_back(fmt::format("the capability {}", name_of_capability(number)));
    if (!limits.has_seccomp)
        unusual.emplace_back("no filter of system calls (seccomp)");
    return unusual;
}

std::vector<std::string> beyond(const SpecificationLimits& limits, const criu::TaskRights& task) {
    std::vector<std::string> found;
    if (task.has_ended)
        return found;
    look_at_users(limits, task, found);
    for (unsigned number = 0; number < k_bits; ++number)
        if (holds(task.capabilities & ~limits.capabilities, number))
            found.push_back(fmt::format("has the capability {}", name_of_capability(number)));
    if (limits.no_new_privileges && !task.has_no_new_privileges)
        found.emplace_back("may get new privileges");
    if (limits.has_seccomp && !task.has_seccomp_filter)
        found.emplace_back("has no filter of system calls (seccomp)");
    if (!limits.label.empty() && task.labels != std::set<std::string>{limits.label})
        found.push_back(fmt::format("is confined by '{}' in place of '{}'",
                                    printable(fmt::format("{}", fmt::join(task.labels, ", "))),
                                    printable(limits.label)));
    return found;
}

std::vector<std::string> beyond(const SpecificationLimits& limits, const criu::NamespaceNumbers& task,
                                const criu::NamespaceNumbers& host) {
    std::vector<std::string> found;
    for (const std::string& kind : limits.namespaces) {
        const auto own = task.find(kind);
        const auto of_host = host.find(kind);
        const bool is_known = own != task.end() && of_host != host.end();
        if (!is_known || own->second == 0 || own->second == of_host->second)
            found.push_back(fmt::format("lives in the host's {} namespace", kind));
    }
    return found;
}

} // namespace cedana::containers
