// SPDX-License-Identifier: Apache-2.0
#include "supervisor_output.hpp"

#include "cedana/base/error.hpp"
#include "cedana/roles/copier.hpp"

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

TreeOutput::TreeOutput(const UniqueFd& output, const UniqueFd& error, const UniqueFd& target) {
    std::vector<roles::Copy> copies;
    copies.push_back({.from = copy_of_end(output.get()), .to = copy_of_end(target ? target.get() : STDOUT_FILENO)});
    copies.push_back({.from = copy_of_end(error.get()), .to = copy_of_end(target ? target.get() : STDERR_FILENO)});
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
