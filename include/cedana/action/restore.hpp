// SPDX-License-Identifier: Apache-2.0
// `cedana client restore`: a process tree out of a checkpoint, under its old pids.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/checkpoint/file_restore.hpp"
#include "cedana/containers/created_restore.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/model/caller.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/container.hpp"
#include "cedana/roles/far_ends.hpp"
#include "cedana/roles/own_stdio.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

// Those that run on from the boot (CLOCK_MONOTONIC, CLOCK_BOOTTIME).
enum class RestoredClocks {
    // In a time namespace of its own, in which they go on from where they stood.
    own,
    // Those of this process, so that it lives in the same time namespace as other programs; refused where they would go
    // back.
    of_host,
    // Those, or its own where they would go back.
    of_host_if_ahead,
};

struct RestoreRequest {
    std::filesystem::path checkpoint;
    Config config;
    // Whose checkpoints are taken, and what decrypts.
    Keyring keyring = {};
    // In a pid namespace of its own, whoever has the pids.
    bool new_pid_namespace = false;
    // The original may still run, and write to its files: they are left alone.
    bool beside_original = false;
    FileRules files = {};
    // Files that were written ahead (staged_files.hpp); null: none were.
    StagedFiles* staged = nullptr;
    Attendance attendance = Attendance::detached;
    // Stay in the foreground all the same with a program that had the keys of its terminal (attendance_of()).
    bool may_stay = false;
    // Where output goes that led outside.
    std::optional<std::filesystem::path> output = std::nullopt;
    // Into which the pid of the root is written, for whoever looks after it (PIDFile= of systemd).
    std::optional<std::filesystem::path> pid_file = std::nullopt;
    // Three descriptors in a row that the tree's pipes are joined to in place of the standard ones. Whoever gives them
    // holds their other ends for as long as the tree may live.
    std::optional<int> given_ends = std::nullopt;
    // For whom it is done.
    Caller caller = {};
    // Called with the root, as it is seen from here, once the tree is there, before it runs (criu::RestoreJob::hold).
    // Empty: not called.
    std::function<void(pid_t root)> before_run = {};
    // Called once it runs, before anything else is done. Empty: not called.
    std::function<void(pid_t root)> once_it_runs = {};
    // The tree runs at once, and its memory comes on demand.
    bool lazy = false;
    // Of a lazy restore: where what the checkpoint's file lacks is asked for (lazy/supply.hpp).
    std::optional<std::filesystem::path> supply = std::nullopt;
    RestoredClocks clocks = RestoredClocks::own;
    // Though the CPU here lacks instructions that the programs may use.
    bool any_cpu = false;
    // Of a lazy restore: return only when all memory is in place.
    bool wait = false;
    // Compare the digest of every frame first.
    bool verify = false;
    // Of a container: another name than it had.
    std::optional<std::string> container_name = std::nullopt;
    // The restore is what a runtime does in place of `create` (containers/created_restore.hpp).
    std::optional<containers::CreateOrder> create = std::nullopt;
    // What of this host may be mounted in a container, though nobody who is trusted has signed its checkpoint.
    std::vector<std::filesystem::path> allowed_mounts = {};
    ExistingVolumes existing_volumes = ExistingVolumes::keep;
    // A process in whose namespaces CRIU works, and among whose mounts the tree comes back: one that stands in a unit's
    // place until the tree is back.
    std::optional<pid_t> into = std::nullopt;

    // That, or the default.
    [[nodiscard]] std::filesystem::path output_file() const;
    [[nodiscard]] OutputPlace output_place() const;
    [[nodiscard]] OutputFile output_named() const noexcept { return output ? OutputFile::given : OutputFile::none; }
};

// Compares the digest of every frame if that was asked for. Throws Error(Fault::checkpoint), Error(Fault::interrupted).
void compare_frames(const RestoreRequest& request, const Checkpoint& checkpoint, const Interrupt& interrupt);

// What of the memory came, or comes, after the tree ran.
struct LazyPart {
    std::uint64_t bytes_lazy = 0;
    std::uint64_t bytes_eager = 0;
    // Who looks after it; 0 in a plan.
    pid_t keeper = 0;
};

struct RestoreResult {
    std::filesystem::path checkpoint;
    pid_t pid = 0;
    // Its id, of a container.
    std::optional<std::string> container = std::nullopt;
    double seconds = 0;
    std::uint64_t bytes_images = 0;
    std::map<std::string, double> phases;
    // What was done with the files that the tree had open for writing.
    std::vector<RestoredFile> files;
    // Of the root, in the foreground.
    std::optional<int> exit_code = std::nullopt;
    std::optional<LazyPart> lazy = {};
};

// Returns once the tree runs; in the foreground, once its root has ended. Throws Error: nothing of the tree runs then,
// and files are as they were (unless the message says that it runs: a script after it failed, or the wait for its
// memory was interrupted). The checkpoint is never changed.
[[nodiscard]] RestoreResult restore(const RestoreRequest& request, const Interrupt& interrupt, Progress& progress);

} // namespace cedana
