// SPDX-License-Identifier: Apache-2.0
// The steps of a restore until files are put back and CRIU is started, which a restore, its --dry-run and `verify` have
// in common.
#pragma once

#include "cedana/action/restore.hpp"
#include "cedana/action/step.hpp"
#include "cedana/base/leases.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/checkpoint/file_restore.hpp"
#include "cedana/checkpoint/huge_memory.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/checkpoint/restore_needs.hpp"
#include "cedana/engine/criu_program.hpp"
#include "cedana/lazy/memory.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/roles/far_ends.hpp"
#include "cedana/undo/tree_lock.hpp"

#include <filesystem>
#include <optional>
#include <vector>

#include <sys/types.h>

namespace cedana {

// What these steps find out and hold. Each fills in its part; after a rehearsal a part may be missing.
struct RestoreDraft {
    RestoreDraft(const RestoreRequest& what, const Interrupt& by);
    RestoreDraft(const RestoreDraft&) = delete;
    RestoreDraft& operator=(const RestoreDraft&) = delete;

    [[nodiscard]] const Manifest& manifest() const { return foreseen ? *foreseen : checkpoint->manifest(); }
    // Of the root, as the checkpoint has it.
    [[nodiscard]] pid_t pid() const { return manifest().tree.front().pid; }

    const RestoreRequest& request;
    const Interrupt& interrupt;
    Procfs procfs;
    std::filesystem::path path;
    std::optional<Checkpoint> checkpoint;
    // Of a checkpoint that is still to be made.
    std::optional<Manifest> foreseen;
    // What it must have of this host; empty where the images could not be read.
    RestoreNeeds needs;
    CriuProgram criu;
    // Of a rehearsal.
    std::optional<LeasesAhead> leases;
    // Absent for a restore that is not lazy.
    std::optional<LazyMemory> lazy;
    // What CRIU does not bring.
    HugeMemory huge;
    Joins joins;
    // As requested, or as the program needs it.
    Attendance attendance = Attendance::detached;
    // In which CRIU works; none: in those of this process.
    std::vector<UniqueFd> namespaces;
    // It comes back in the time namespace of this process.
    bool clocks_of_host = false;
    // Until the tree runs, nobody else takes its pids, or the name of its container.
    std::optional<TreeLock> lock;
    // What would become of the files, after a rehearsal.
    std::vector<RestoredFile> files;
};

// The options that the checkpoint was made with, those that its images need, and the user's.
[[nodiscard]] CriuOptions options_of(const RestoreDraft& draft);

// Names that somebody else has, as they are at this moment: ports, sockets' paths, locks. `after_files`: those that are
// put back are there, be it in place of ones that somebody has locked.
enum class TakenWhen { before_files, after_files };
[[nodiscard]] Errors taken_names(const RestoreDraft& draft, TakenWhen when);

// They refer to the draft, which must outlive them: those after which it is known what the checkpoint is of, and those
// that look into it, whatever that is.
[[nodiscard]] Steps steps_that_open(RestoreDraft& draft);
[[nodiscard]] Steps steps_on_checkpoint(RestoreDraft& draft);
// Of these: the hook, after which is looked at this host, and whether that has the memory.
[[nodiscard]] Steps fit_steps(RestoreDraft& draft);
[[nodiscard]] Step memory_check(RestoreDraft& draft);
// What a lazy one needs; nothing of an eager one.
[[nodiscard]] Steps lazy_steps(RestoreDraft& draft);
// All that follow the first of these, of a tree of no container.
[[nodiscard]] Steps steps_before_restore(RestoreDraft& draft);

// For a rehearsal: those of them that need no checkpoint, of a draft with one that is foreseen.
[[nodiscard]] Steps steps_before_arrival(RestoreDraft& draft);

} // namespace cedana
