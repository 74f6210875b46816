// SPDX-License-Identifier: Apache-2.0
// The checkpoints in a store. Of each file only the manifest is read; what is damaged, unfinished or no checkpoint at
// all is told as such, since it takes room and may be what somebody looks for.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/model/checkpoint_summary.hpp"
#include "cedana/model/config.hpp"
#include "cedana/process/procfs.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

// encrypted: a checkpoint that no key here opens. unfinished: a dump writes it, or has left it. unreadable: whoever
// runs this may not read it.
enum class EntryKind { checkpoint, encrypted, damaged, unreadable, unfinished, foreign };

// What is with the process of a checkpoint now. running: the very process; restored: the same program has the pid and
// began later; other: another program has it; elsewhere: it belongs to another host.
enum class ProcessNow { running, restored, gone, other, elsewhere };

[[nodiscard]] std::string_view name_of(EntryKind kind);
[[nodiscard]] std::string_view name_of(ProcessNow now);

struct CatalogEntry {
    std::filesystem::path path;
    EntryKind kind = EntryKind::checkpoint;
    std::uint64_t bytes = 0;
    // Of a checkpoint, an encrypted one too: see Checkpoint::manifest_digest().
    std::string digest = {};
    // Of a checkpoint when it was made, of an encrypted one as its name says, else of the file's last change.
    std::chrono::system_clock::time_point when{};
    // Of a checkpoint alone.
    std::optional<CheckpointSummary> summary;
    // Of checkpoints, encrypted ones too.
    SignatureState signature = {};
    // What is wrong with anything else.
    std::string flaw;
};

struct CatalogFilter {
    // A shell pattern, or a part, of the program's name or the file's.
    std::string name = {};
    std::optional<std::chrono::seconds> newer_than = std::nullopt;
    std::optional<std::chrono::seconds> older_than = std::nullopt;
};

// Newest first, then by name. Folders in the store are not looked into. Throws Error(Fault::storage) if the store
// cannot be read, Error(Fault::interrupted). `keyring`: by which it is told whose signature a checkpoint has; all are
// there, whoever signed them. Nobody is asked for a passphrase.
[[nodiscard]] std::vector<CatalogEntry> read_catalog(const std::filesystem::path& store, const Keyring& keyring,
                                                     const Interrupt& interrupt);

// Removes the checkpoints that nobody signed whom `keyring` trusts; how many they were. None if it trusts everybody.
std::size_t drop_untrusted(std::vector<CatalogEntry>& catalog, const Keyring& keyring);

// How many are unreadable, as an Error(Fault::permission); absent if none is.
[[nodiscard]] std::optional<Error> unreadable(const std::vector<CatalogEntry>& catalog);
// What the user may not read could be just what is meant, and is thrown; for root, from whom a file server keeps it, it
// is a warning.
void require_readable(const std::vector<CatalogEntry>& catalog);

[[nodiscard]] bool passes(const CatalogEntry& entry, const CatalogFilter& filter,
                          std::chrono::system_clock::time_point now);

// `host`: the name of this one.
[[nodiscard]] ProcessNow process_now(const CheckpointSummary& summary, const Procfs& procfs, const std::string& host);

// `named` if there is one, else shared_storage.mount_point, else shared_storage.dump_storage_dir, else the default
// store.
[[nodiscard]] std::filesystem::path find_store(const std::optional<std::filesystem::path>& named, const Config& config);

} // namespace cedana
