// SPDX-License-Identifier: Apache-2.0
// Lazily restored trees whose memory is still on its way: the server of each keeps a small file up to date that says
// how far it is. A transfer that failed is listed until the next dump or restore cleans up.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/lazy/fill.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

inline constexpr const char* k_transfer_file = "transfer.json";

struct LazyTransfer {
    // The root of the tree; 0 of a container whose root is not there yet.
    pid_t pid = 0;
    std::string name;
    // As its engine calls it; empty: of none.
    std::string container = {};
    std::string checkpoint;
    criu::FillProgress progress = {};
    // Why it failed; empty while it runs.
    std::string failure = {};
    // Who puts the memory in place; 0 before it began.
    pid_t server = 0;
    // Who looks after it; not written but found. Once that was killed, the server.
    pid_t keeper = 0;
};

// Bytes that are in place. A child that is forked meanwhile may make more come than the checkpoint holds.
[[nodiscard]] std::uint64_t served(const criu::FillProgress& progress);

[[nodiscard]] std::string to_text(const LazyTransfer& transfer);
// Absent for what is none.
[[nodiscard]] std::optional<LazyTransfer> parse_transfer(std::string_view text);

// Replaces the file in `folder` as a whole.
void write_transfer(const std::filesystem::path& folder, const LazyTransfer& transfer);

// Those that run or have failed. Throws Error when the state folder is not root's.
[[nodiscard]] std::vector<LazyTransfer> lazy_transfers();

// Whether the process has memory that another one is to fill ("um" in smaps, proc(5)).
[[nodiscard]] bool lacks_memory(const Procfs& procfs, pid_t pid);

// Waits until no process of these lacks memory that a running transfer brings; whether it had to. Throws
// Error(Fault::interrupted).
bool await_memory(const Procfs& procfs, const std::vector<pid_t>& tree, const Interrupt& interrupt);

} // namespace cedana
