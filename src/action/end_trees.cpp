// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/end_trees.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <poll.h>

namespace cedana {

namespace {

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    std::error_code ignored;
    for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), ignored)) {
        try {
            for (const std::string& word : split(trim(read_file(task.path() / "children")), ' '))
                if (std::int64_t child = 0; parse_number(word, child))
                    children.push_back(static_cast<pid_t>(child));
        } catch (const Error&) {
            // A thread that ended.
        }
    }
    return children;
}

bool has_ended(const UniqueFd& pidfd) {
    pollfd entry{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 0) > 0;
}

// Stops the process first, so that it forks no more, and then looks for its children.
void stop_with_descendants(pid_t pid, const UniqueFd& pidfd, std::map<pid_t, UniqueFd>& found) {
    if (!send_signal(pidfd, SIGSTOP))
        return;
    for (const pid_t child : children_of(pid)) {
        if (found.contains(child))
            continue;
        auto descendant = open_pidfd(child);
        // The list counts if its owner has not ended: no pid in it was given to another process meanwhile.
        if (!descendant || has_ended(pidfd))
            continue;
        const auto added = found.emplace(child, std::move(*descendant)).first;
        stop_with_descendants(child, added->second, found);
    }
}

} // namespace

void end_trees(const std::map<pid_t, UniqueFd>& roots) {
    constexpr int k_limit_ms = 10000;
    std::map<pid_t, UniqueFd> descendants;
    for (const auto& [pid, pidfd] : roots)
        if (!has_ended(pidfd))
            stop_with_descendants(pid, pidfd, descendants);
    const std::array<const std::map<pid_t, UniqueFd>*, 2> groups = {&roots, &descendants};
    for (const auto* group : groups)
        for (const auto& [pid, pidfd] : *group)
            send_signal(pidfd, SIGKILL);
    for (const auto* group : groups)
        for (const auto& [pid, pidfd] : *group) {
            pollfd entry{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
            ::poll(&entry, 1, k_limit_ms);
        }
}

} // namespace cedana
