// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/end_trees.hpp"

#include "cedana/base/child_process.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

namespace cedana {

using namespace std::chrono_literals;

namespace {

// What cannot be looked at does not keep the rest from being ended.
std::vector<pid_t> known_children_of(pid_t pid) {
    try {
        return children_of(pid);
    } catch (const std::exception& error) {
        spdlog::debug("cannot look for the children of {}: {}", pid, error.what());
        return {};
    }
}

std::optional<UniqueFd> handle_of(pid_t pid) {
    try {
        return open_pidfd(pid);
    } catch (const std::exception& error) {
        spdlog::warn("cannot end process {}: {}", pid, error.what());
        return std::nullopt;
    }
}

// Stops the process first, so that it forks no more, and then looks for its children.
void stop_with_descendants(pid_t pid, const UniqueFd& pidfd, std::map<pid_t, UniqueFd>& found) {
    if (!send_signal(pidfd, SIGSTOP))
        return;
    for (const pid_t child : known_children_of(pid)) {
        if (found.contains(child))
            continue;
        auto descendant = handle_of(child);
        // The list counts if its owner has not ended: no pid in it was given to another process meanwhile.
        if (!descendant || ends_within(pidfd, 0ms))
            continue;
        const auto added = found.emplace(child, std::move(*descendant)).first;
        stop_with_descendants(child, added->second, found);
    }
}

} // namespace

void end_trees(const std::map<pid_t, UniqueFd>& roots) {
    constexpr auto k_limit = 10s;
    std::map<pid_t, UniqueFd> descendants;
    for (const auto& [pid, pidfd] : roots)
        if (!ends_within(pidfd, 0ms))
            stop_with_descendants(pid, pidfd, descendants);
    const std::array<const std::map<pid_t, UniqueFd>*, 2> groups = {&roots, &descendants};
    for (const auto* group : groups)
        for (const auto& [pid, pidfd] : *group)
            send_signal(pidfd, SIGKILL);
    for (const auto* group : groups)
        for (const auto& [pid, pidfd] : *group)
            static_cast<void>(ends_within(pidfd, k_limit));
}

void end_tree(pid_t root, UniqueFd pidfd) {
    std::map<pid_t, UniqueFd> roots;
    roots.emplace(root, std::move(pidfd));
    end_trees(roots);
}

} // namespace cedana
