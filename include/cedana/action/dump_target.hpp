// SPDX-License-Identifier: Apache-2.0
// What a dump is about, found before anything is touched: the process, the folder, the room in it, what was seen in the
// tree. A dump and its --dry-run begin with the same steps.
#pragma once

#include "cedana/action/dump.hpp"
#include "cedana/engine/refusals.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/process/identity.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/process/written_files.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace cedana {

// Throws Error(Fault::usage) if none was named, Error(Fault::no_process).
[[nodiscard]] ProcessHandle find_target(const Procfs& procfs, const DumpRequest& request);

// Neither the request nor a setting says where checkpoints go.
[[nodiscard]] bool uses_default_store(const DumpRequest& request);

// Where the checkpoint goes, as an absolute path. Throws Error if that is no folder to write to, or others could change
// the checkpoint there. The default store may not be there yet, since a dry run makes nothing.
[[nodiscard]] std::filesystem::path find_folder(const DumpRequest& request);

// shared_storage.mount_point, if there is one, can take a checkpoint, and others cannot change it there. Throws
// Error(Fault::storage), Error(Fault::permission).
void require_shared_storage(const DumpRequest& request);

struct FreeRoom {
    // Of what CRIU will write a quarter and all of the files; of all of it. Memory compresses, to nobody knows what.
    bool may_do = false;
    bool does_surely = false;
    // "7 MiB free in /store, and the tree has 40 MiB of memory"
    std::string found;
};
// For a checkpoint in `folder`, which need not be there yet; `images`: what CRIU will write (TreeFacts).
[[nodiscard]] FreeRoom free_room(const std::filesystem::path& folder, std::uint64_t images, std::uint64_t files);
// Throws Error(Fault::storage) where it cannot do.
void require_room(const FreeRoom& room, const std::string& hint);

// Else its size and digest are kept alone: it is over files.capture_limit_mib.
[[nodiscard]] bool is_copied(const WrittenFile& file, const Config& config);
// Of those that are copied.
[[nodiscard]] std::uint64_t bytes_to_capture(const WrittenFiles& written, const Config& config);

[[nodiscard]] std::vector<ManifestProcess> describe(const ProcessTree& tree);

// Throws Error(Fault::usage) if the root is to be asked by a signal that would end it.
void require_survivable_signal(const Config& config, const Procfs& procfs, const ProcessTree& tree);

// What the refusals of a dump depend on beside the tree. `prepared`: the program was asked to prepare already.
[[nodiscard]] RefusalContext refusal_context(const DumpRequest& request, const std::string& criu, bool prepared);

} // namespace cedana
