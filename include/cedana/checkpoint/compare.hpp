// SPDX-License-Identifier: Apache-2.0
// What changed between two checkpoints of one program: processes, memory, files, sockets. Pure.
#pragma once

#include "cedana/model/manifest.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cedana {

enum class Change { same, added, removed, changed };

[[nodiscard]] std::string_view name_of(Change change);

struct ProcessChange {
    pid_t pid = 0;
    // Of the later checkpoint, if it is in that.
    std::string comm;
    Change change = Change::same;
    std::uint64_t bytes_before = 0;
    std::uint64_t bytes_after = 0;
    std::size_t threads_before = 0;
    std::size_t threads_after = 0;
};

struct FileChange {
    std::string path;
    Change change = Change::same;
    std::uint64_t bytes_before = 0;
    std::uint64_t bytes_after = 0;
};

// Of an open file that is captured, the change of its content is a FileChange.
struct DescriptorChange {
    pid_t pid = 0;
    int fd = -1;
    Change change = Change::same;
    // "/var/log/a at 1000"; empty where it is not open.
    std::string before;
    std::string after;
};

// Sockets that look alike are counted: none of them has a name that lasts.
struct SocketChange {
    // "tcp connected 10.0.0.1:80 to 10.0.0.2:4242"
    std::string text;
    Change change = Change::same;
    std::size_t before = 0;
    std::size_t after = 0;
};

struct Comparison {
    // They are of one process, which may have been restored in between, on another host too: the same pid, program and
    // command line of the root.
    bool same_process = false;
    // Each in the order of the first checkpoint, then what the second adds; processes and files that are the same too.
    std::vector<ProcessChange> processes;
    std::vector<FileChange> files;
    // Empty unless both have their facts recorded.
    std::vector<DescriptorChange> descriptors;
    // Of TCP connections alone, unless both have their facts recorded.
    std::vector<SocketChange> sockets;
};

[[nodiscard]] Comparison compare(const Manifest& before, const Manifest& after);

// "tcp connected 10.0.0.1:80 to 10.0.0.2:4242", addresses of IPv6 in brackets.
[[nodiscard]] std::string text_of(const TcpConnection& connection);
[[nodiscard]] std::string text_of(const RecordedSocket& socket);

} // namespace cedana
