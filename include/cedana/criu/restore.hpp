// SPDX-License-Identifier: Apache-2.0
// One run of `criu restore --stream`. The caller's process becomes a subreaper for the time of it, so that whatever a
// failing restore leaves behind becomes its child and is killed by pidfd: never a process found by a pid from a
// manifest, which may be the original's.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/image_serve.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/types.h>

namespace cedana::criu {

enum class Terminal { none, ours };

// in_new_namespace: beside whoever has the pids here (pid_namespace.hpp).
enum class Pids { same, in_new_namespace };

struct RestoreJob {
    std::string program;
    CriuOptions options;
    // A private folder: sockets, CRIU's log, the pid file.
    std::filesystem::path folder;
    // ours: CRIU gets our standard descriptors and session, which a tree with a terminal needs.
    Terminal terminal = Terminal::none;
    Pids pids = Pids::same;
    // CRIU took no byte and asked for nothing for so long, though bytes were ready for it.
    std::chrono::seconds stall_limit = std::chrono::seconds(60);
};

struct RestoreReport {
    ExitStatus status = ExitStatus::exited(0);
    // The root of the tree as it is seen from here; 0 unless status is a success.
    pid_t pid = 0;
    std::uint64_t bytes = 0;
};

// Runs CRIU to its end. When it fails, or on an error of the source, a stall or an interrupt (which are thrown),
// nothing that this restore started is left. A CRIU that fails by itself is no exception: the report says so.
[[nodiscard]] RestoreReport restore(const RestoreJob& job, ImageSource& source, const Interrupt& interrupt);

} // namespace cedana::criu
