// SPDX-License-Identifier: Apache-2.0
// `cedana client dump --dry-run`: what a dump would do, and why, or why it would be refused. Touches nothing.
#pragma once

#include "cedana/action/dump.hpp"
#include "cedana/base/error.hpp"
#include "cedana/engine/criu_options.hpp"
#include "cedana/model/manifest.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cedana {

struct PlannedFile {
    std::string path;
    std::uint64_t size = 0;
    // Else its size and digest are kept alone: it is over files.capture_limit_mib.
    bool copied = true;
    // "process 4242 (name)": those outside of the tree that write to it too.
    std::vector<std::string> other_writers = {};
};

struct DumpPlan {
    std::string name;
    // The root first.
    std::vector<ManifestProcess> tree;
    // Of all processes together: what they share counts once for each.
    std::uint64_t resident_bytes = 0;
    // What CRIU will write, as far as can be said beforehand.
    std::uint64_t bytes_images = 0;
    std::filesystem::path folder;
    bool leave_running = true;
    std::string criu_version;
    RecordedFacts facts;
    // Sentences.
    std::vector<std::string> ends_outside;
    std::vector<ChosenOption> options;
    std::vector<PlannedFile> files;
    // Why the checkpoint could never be restored; only of one that would be made anyway.
    std::vector<std::string> cannot_be_restored;
    // What the dump would end with, in the order in which it would meet them.
    std::vector<Error> refusals;
};

// Throws Error only if there is no such process to look at, or if the request itself is wrong.
[[nodiscard]] DumpPlan plan_dump(const DumpRequest& request, const Interrupt& interrupt);

} // namespace cedana
