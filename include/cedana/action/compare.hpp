// SPDX-License-Identifier: Apache-2.0
// What changed between two checkpoints of one program: processes, memory, files, connections. Pure.
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

struct ConnectionChange {
    // "10.0.0.1:80 to 10.0.0.2:4242"
    std::string text;
    Change change = Change::same;
};

struct Comparison {
    // They are of one program on one host: the same pid and start of the root.
    bool same_process = false;
    // Each in the order of the first checkpoint, then what the second adds; processes and files that are the same too.
    std::vector<ProcessChange> processes;
    std::vector<FileChange> files;
    std::vector<ConnectionChange> connections;
};

[[nodiscard]] Comparison compare(const Manifest& before, const Manifest& after);

// "10.0.0.1:80 to 10.0.0.2:4242", addresses of IPv6 in brackets.
[[nodiscard]] std::string text_of(const TcpConnection& connection);

} // namespace cedana
