// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/namespaces.hpp"

#include <array>
#include <utility>

namespace cedana {

Namespaces::Namespaces(const Procfs& procfs, pid_t pid) {
    constexpr std::array k_kinds = {"cgroup", "ipc", "mnt", "net", "pid", "time", "time_for_children", "user", "uts"};
    for (const char* kind : k_kinds)
        if (auto link = procfs.link(pid, (std::string("ns/") + kind).c_str()))
            links_.emplace(kind, std::move(*link));
}

std::optional<std::string> Namespaces::get(std::string_view kind) const {
    const auto found = links_.find(kind);
    return found == links_.end() ? std::nullopt : std::optional(found->second);
}

void Namespaces::take(std::string_view kind, const Namespaces& other) {
    if (auto link = other.get(kind))
        links_.insert_or_assign(std::string(kind), std::move(*link));
}

bool differ(const Namespaces& one, const Namespaces& other, std::string_view kind) {
    const auto of_one = one.get(kind);
    const auto of_other = other.get(kind);
    return of_one && of_other && *of_one != *of_other;
}

} // namespace cedana
