// SPDX-License-Identifier: Apache-2.0
// `cedana client restore`: a process tree out of a checkpoint, under its old pids.
#pragma once

#include "cedana/action/file_restore.hpp"
#include "cedana/action/joins.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/model/config.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct RestoreRequest {
    std::filesystem::path checkpoint;
    Config config;
    // In a pid namespace of its own, beside whoever has the pids.
    bool new_pid_namespace = false;
    FileRules files = {};
    Attendance attendance = Attendance::detached;
    // Where output goes that led outside.
    std::optional<std::filesystem::path> output = std::nullopt;

    // That, or the default.
    [[nodiscard]] std::filesystem::path output_file() const;
    [[nodiscard]] Joins joins_for(const Manifest& manifest) const;
};

struct RestoreResult {
    std::filesystem::path checkpoint;
    pid_t pid = 0;
    double seconds = 0;
    std::uint64_t bytes_images = 0;
    std::map<std::string, double> phases;
    // What was done with the files that the tree had open for writing.
    std::vector<RestoredFile> files;
    // Of the root, in the foreground.
    std::optional<int> exit_code = std::nullopt;
};

// Returns once the tree runs; in the foreground, once its root has ended. Throws Error: nothing of the tree runs then,
// and files are as they were. The checkpoint is never changed.
[[nodiscard]] RestoreResult restore(const RestoreRequest& request, const Interrupt& interrupt, Progress& progress);

} // namespace cedana
