// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/unique_fd.hpp"

#include "cedana/base/error.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

void UniqueFd::reset(int fd) noexcept {
    if (fd_ >= 0)
        ::close(fd_);
    fd_ = fd;
}

Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw OsFailure().error("cannot make a pipe");
    return {.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
}

} // namespace cedana
