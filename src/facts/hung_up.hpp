// SPDX-License-Identifier: Apache-2.0
// Whether a terminal has nobody any more who could write to it.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/open_files.hpp"
#include "cedana/process/tree.hpp"

#include <poll.h>

namespace cedana {

// Of the master of a pseudo terminal: somebody had it open, and nobody has.
[[nodiscard]] inline bool is_left_by_all(const TreeProcess& process, const OpenFile& file) {
    if (!file.master_of)
        return false;
    const UniqueFd master = copy_descriptor(process.handle.pidfd(), file.fd);
    pollfd entry{.fd = master.get(), .events = 0, .revents = 0};
    return master && ::poll(&entry, 1, 0) > 0 && (entry.revents & POLLHUP) != 0;
}

} // namespace cedana
