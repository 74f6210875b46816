// SPDX-License-Identifier: Apache-2.0
// What fanotify(7) tells, as it is read: pure but for the descriptors in it, which get owners.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/process/file_handle.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

// As groups with FAN_REPORT_DFID_NAME and FAN_REPORT_FID are told.
struct EventHandles {
    // Which file system, as statfs(2) calls it in f_fsid.
    std::uint64_t file_system = 0;
    FileHandle file = {};
    // The folder that it was opened in, and its name there.
    FileHandle folder = {};
    std::string name = {};
};

struct FileEvent {
    // The kernel had to leave events out; nothing else is set then.
    bool overflow = false;
    // 0: a process outside of our pid namespace.
    pid_t pid = 0;
    // The file, open for reading; none if the kernel could not open it for us, or was not to.
    UniqueFd file = {};
    // Empty where the kernel was to open the file.
    EventHandles handles = {};
    // A pidfd of the process; none if it was gone already.
    UniqueFd process = {};
};

// The events of one read(2), in order. What is malformed ends them.
[[nodiscard]] std::vector<FileEvent> take_file_events(std::span<const std::byte> bytes);

} // namespace cedana
