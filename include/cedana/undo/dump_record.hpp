// SPDX-License-Identifier: Apache-2.0
// What a dump leaves in a tree and on the host while its CRIU is at work, written down beforehand: CRIU takes all of it
// back itself, unless it is killed. Then cedana does, at once, or whoever cleans up after both were killed.
#pragma once

#include "cedana/facts/facts.hpp"
#include "cedana/model/link_remap.hpp"
#include "cedana/process/identity.hpp"
#include "cedana/process/tree.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

struct DumpRecord {
    // The root first.
    std::vector<ProcessId> processes;
    // Files to which CRIU gives one more name.
    std::vector<RenamedFile> files = {};
    // Names of that kind that they had before: another checkpoint waits for those.
    std::vector<std::string> names_before = {};
};

[[nodiscard]] DumpRecord record_dump(const ProcessTree& tree, const TreeFacts& facts);

// The names that CRIU has given its files by now.
[[nodiscard]] std::vector<LinkRemap> made_names(const DumpRecord& record);

// In a work folder, before CRIU is started; takes the place of one that is there. Throws Error.
void write_record(const DumpRecord& record, const std::filesystem::path& work);
// Writes it anew if the tree is another now that it is frozen: it may have forked since the look. Throws Error.
void record_frozen_tree(DumpRecord& record, const ProcessTree& tree, const std::filesystem::path& work);
// Absent if CRIU was not started.
[[nodiscard]] std::optional<DumpRecord> read_record(const std::filesystem::path& work);

// From now on the tree may be stopped by CRIU: what CRIU leaves then waits for the restore of this checkpoint.
void record_published(const std::filesystem::path& checkpoint, const std::filesystem::path& work);
[[nodiscard]] std::optional<std::filesystem::path> published_checkpoint(const std::filesystem::path& work);

struct UndoneDump {
    // Sockets that were in repair mode.
    std::size_t sockets = 0;
    // Tables of nftables, and names of files.
    std::vector<std::string> network_locks = {};
    std::vector<std::filesystem::path> names = {};
    // Set if it all stays, as it waits for the restore of this checkpoint.
    std::optional<std::filesystem::path> waits_for = std::nullopt;
};

// CRIU must have ended. Touches only processes that are those of the record, by pid and start time, and only what this
// dump made. Throws Error when not permitted.
UndoneDump undo_dump(const DumpRecord& record, const std::filesystem::path& work);

} // namespace cedana
