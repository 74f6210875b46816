// SPDX-License-Identifier: Apache-2.0
#include "supervisor_output.hpp"

#include "cedana/base/error.hpp"
#include "cedana/roles/copier.hpp"
#include "cedana/roles/own_terminal.hpp"

#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace cedana::job {

namespace {

UniqueFd copy_of_end(int fd) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy)
        throw OsFailure().error("cannot use descriptor {}", fd);
    return copy;
}

} // namespace

TreeOutput::TreeOutput(const Space& space, const UniqueFd& target) {
    std::vector<roles::Copy> copies;
    const auto add = [&](const UniqueFd& from, int to) {
        copies.push_back({.from = copy_of_end(from.get()), .to = copy_of_end(to)});
    };
    const int output = target ? target.get() : STDOUT_FILENO;
    add(space.output(), output);
    add(space.error_output(), target ? target.get() : STDERR_FILENO);
    if (space.terminal())
        add(space.terminal(), has_own_terminal() ? STDIN_FILENO : output);
    copier_ = roles::start_copier(std::move(copies), roles::CopierLasts::with_its_starter);
}

void TreeOutput::finish() {
    const char question = 0;
    if (::write(copier_.get(), &question, 1) != 1)
        return;
    pollfd entry{.fd = copier_.get(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, static_cast<int>(roles::k_drain_limit.count()));
}

} // namespace cedana::job
