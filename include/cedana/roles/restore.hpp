// SPDX-License-Identifier: Apache-2.0
// One run of `criu restore --stream`. The caller's process becomes a subreaper for the time of it, so that whatever a
// failing restore leaves behind becomes its child and is killed by pidfd: never a process found by a pid from a
// manifest, which may be the original's.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/image_serve.hpp"
#include "cedana/roles/terminal.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

// ours: CRIU gets our standard input, which is a terminal, and our session. fresh: a new one, with a keeper.
enum class Terminal { none, ours, fresh };

// in_new_namespace: beside whoever has the pids here (pid_namespace.hpp).
enum class Pids { same, in_new_namespace };

// left_out: private anonymous memory is somebody else's to bring (lazy_fill.hpp); the source must not send it.
enum class LazyPages { sent, left_out };

struct RestoreJob {
    std::string program;
    CriuOptions options;
    // A private folder: sockets, CRIU's log, the pid file.
    std::filesystem::path folder;
    Terminal terminal = Terminal::none;
    // Numbers that CRIU needs for the tree's own, so that a fresh one must not take them.
    std::vector<unsigned> own_terminals = {};
    Pids pids = Pids::same;
    // CRIU inherits it, and has it open for as long as it runs; -1: none.
    int held = -1;
    // The program that guards CRIU (restore_guard.hpp); empty: none. A keeper is a guard itself.
    std::string guard = {};
    LazyPages lazy_pages = LazyPages::sent;
    // Hears of every piece of an image that CRIU took, unless null; bytes in all.
    Progress* progress = nullptr;
    std::uint64_t total_bytes = 0;
    // CRIU took no byte and asked for nothing for so long, though bytes were ready for it.
    std::chrono::seconds stall_limit = std::chrono::seconds(60);
};

// What takes the place of what led outside.
struct Ends {
    struct TreeEnd {
        UniqueFd fd;
        // As in Inherited.
        std::string id;
    };
    std::vector<TreeEnd> of_tree = {};
    // What a keeper is to copy for as long as it lasts.
    std::vector<Copy> copies = {};
    // Where the output of a fresh terminal goes.
    UniqueFd terminal_output = {};
};

struct RestoreReport {
    ExitStatus status = ExitStatus::exited(0);
    // The root of the tree as it is seen from here; 0 unless status is a success.
    pid_t pid = 0;
    // The child of this process that ends as the root ends; 0 if it is a keeper's.
    pid_t child = 0;
    // In that case: gives one byte with its exit code.
    UniqueFd told = {};
    // Of what start_copier() left, if anything (keeper.hpp).
    UniqueFd copier = {};
    std::uint64_t bytes = 0;
};

// Whether CRIU's log says that the tree was restored and runs. Only its end is read, whatever its size: CRIU says so
// last. False where there is no log that can be read.
[[nodiscard]] bool was_restored(const std::filesystem::path& log) noexcept;

// Runs CRIU to its end; what is left then of `ends` is a keeper's and the tree's alone. When it fails, or on an error
// of the source, a stall or an interrupt (which are thrown), nothing that this restore started is left. A CRIU that
// fails by itself is no exception: the report says so.
[[nodiscard]] RestoreReport restore(const RestoreJob& job, Ends ends, ImageSource& source, const Interrupt& interrupt);

} // namespace cedana::criu
