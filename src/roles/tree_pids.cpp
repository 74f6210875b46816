// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/tree_pids.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>

#include <unistd.h>

namespace cedana::roles {

void write_pids(int pipe, const TreePids& pids) {
    // At once, since it is less than PIPE_BUF (pipe(7)).
    while (::write(pipe, &pids, sizeof pids) < 0 && errno == EINTR) {}
}

TreePids read_pids(int pipe) {
    TreePids pids;
    ssize_t count = 0;
    do
        count = ::read(pipe, &pids, sizeof pids);
    while (count < 0 && errno == EINTR);
    if (count != sizeof pids)
        throw Error(Fault::restore_failed, "nobody said which pids the restored tree has");
    return pids;
}

} // namespace cedana::roles
