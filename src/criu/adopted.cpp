// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/adopted.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <cerrno>
#include <csignal>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/prctl.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

// A child cannot be reaped by anybody else, so its pid stays its own until we do it.
std::vector<pid_t> children() {
    std::vector<pid_t> found;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        for (const std::string& word : split(trim(read_file(task.path() / "children")), ' ')) {
            std::int64_t pid = 0;
            if (parse_number(word, pid))
                found.push_back(static_cast<pid_t>(pid));
        }
    }
    return found;
}

} // namespace

Subreaper::Subreaper() {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) != 0) {
        const int err = errno;
        throw os_error(err, "cannot become a subreaper");
    }
}

Subreaper::~Subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 0UL, 0UL, 0UL, 0UL); }

void Subreaper::kill_all() const { kill_children(); }

void kill_children() {
    for (auto pids = children(); !pids.empty(); pids = children())
        for (const pid_t pid : pids)
            kill_child(pid);
}

} // namespace cedana::criu
