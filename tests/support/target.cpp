// SPDX-License-Identifier: Apache-2.0
#include "support/target.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/process/procfs.hpp"

#include <csignal>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/prctl.h>

#include "support/wait.hpp"

namespace cedana::testing {

namespace {

ChildProcess start(std::vector<std::string> argv, const std::filesystem::path& output) {
    const UniqueFd out = open_file(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    return ChildProcess::spawn(
        {.argv = std::move(argv), .fds = {{out.get(), 1}, {out.get(), 2}}, .cwd = "/", .session = Session::own});
}

} // namespace

Target::Target(std::vector<std::string> argv, const std::filesystem::path& output)
    : child_(start(std::move(argv), output)), pid_(child_.pid()) {}

Target::~Target() {
    try {
        end();
    } catch (const std::exception&) {
        // Nothing more can be done for a child that cannot be killed.
    }
}

bool Target::runs() const {
    const auto stat = Procfs().stat(pid_);
    return child_.running() && is_running(pid_) && stat && stat->state != 'T' && stat->state != 't';
}

ExitStatus Target::wait_end() {
    const auto status = child_.wait_for(k_wait_limit);
    if (!status)
        throw Error(Fault::internal, fmt::format("process {} does not end", pid_));
    return *status;
}

void Target::end() {
    if (!child_.running())
        return;
    child_.signal(SIGKILL);
    child_.wait();
}

std::vector<std::string> sleeper_at(const std::filesystem::path& path) {
    std::filesystem::copy_file("/bin/sleep", path);
    return {path.string(), "infinity"};
}

Orphan::~Orphan() { kill_child(pid_); }

void adopt_orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL); }

} // namespace cedana::testing
