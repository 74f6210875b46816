// SPDX-License-Identifier: Apache-2.0
// `cedana client dump`: a checkpoint of a process tree.
#pragma once

#include "cedana/action/prove.hpp"
#include "cedana/archive/frames_ahead.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/secret_bytes.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/engine/container_tree.hpp"
#include "cedana/engine/pre_copy.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/model/caller.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct FindResult;

// What goes with a dump that ends its tree: a migration. Each throws what the dump is to fail with; the tree runs on.
struct DumpEscort {
    // Of the checkpoint's file (ZipWriter::copy_to()).
    HearWritten written;
    // What was written so far is an archive of files that go with the tree, which runs yet. `manifest`: with these
    // files; `index`: of their entries, as write_index() makes it; `envelope`: as write_envelope() does, empty of a
    // checkpoint that is not encrypted.
    std::function<void(const Manifest& manifest, const std::string& index, const std::string& envelope)> files_written;
    // All of the file is written, under a name that it does not keep; whether the disk keeps it is still to be seen.
    // `keyring` opens it, whoever it is encrypted for. `network_lock`: what holds back packets of the tree's
    // connections, as the manifest says.
    std::function<void(const std::filesystem::path& file, const Keyring& keyring, const std::string& network_lock)>
        complete;
    // The checkpoint has its name, and the tree stands still yet; when this returns it ends.
    std::function<void(const std::filesystem::path& checkpoint)> before_end;
    // Nothing of the tree runs any more, nor ever will. Must not throw.
    std::function<void()> ended;
    // Who hears of what is written may be slow: then it is compressed the more.
    bool is_paced = false;
    // Its memory is compressed while it still runs.
    bool compresses_ahead = false;
    // What is compressed so, called from several threads; pieces that repeat it have its number. Empty: nobody wants it
    // before.
    std::function<void(const FrameAhead& frame)> ahead = {};
};

struct DumpRequest {
    // The process; absent: the one that `name` means; absent too: client.process_name.
    std::optional<pid_t> pid;
    std::optional<std::string> name;
    // In place of both: all of a container.
    std::optional<ContainerName> container = std::nullopt;
    // Absent: shared_storage.dump_storage_dir.
    std::optional<std::filesystem::path> folder;
    // Written on the checkpoint.
    std::string label = {};
    std::string note = {};
    // With the flags applied.
    Config config;
    // What is refused since CRIU could not dump or never restore it is dumped all the same, if CRIU does. Only of a
    // tree that runs on.
    bool anyway = false;
    // Whoever restores it gives it a terminal in the place of the one that it has.
    bool given_terminal = false;
    // For whom it is done.
    Caller caller = {};
    // What shuts the program in, and would not come back, is no reason to refuse.
    bool without_sandbox = false;
    // The tree ends only once a trial has brought it back (prove.hpp), or where none can be made. For one that is to
    // stop.
    bool prove = false;
    std::optional<DumpEscort> escort = std::nullopt;
    // That memory is copied before the tree stands still (dump.pre_copy_mib) was asked for: refused where it cannot be.
    bool pre_copy = false;
    // Who tells what is written to meanwhile; absent: the kernel, where it does.
    std::optional<WriteTracking> write_tracking = std::nullopt;
    // Files and folders that go with the tree, as they are while it stands still (process/named_files.hpp).
    std::vector<std::filesystem::path> with_files = {};
    // Encrypts the checkpoint; null for none.
    std::shared_ptr<const SecretBytes> passphrase = nullptr;
    // Called where cedana's own work hangs in the kernel and the tree was let go: tells the error and ends the process,
    // in a thread of its own. If it returns, or is not there, dump() returns once the work has woken up, if ever.
    std::function<void(const Error&)> end_at_once = {};
    // Called with what a name has led to, before the process is taken or refused.
    std::function<void(const FindResult&)> found = {};
};

struct DumpResult {
    std::filesystem::path checkpoint;
    pid_t pid = 0;
    std::string name;
    double seconds = 0;
    // CRIU's own figure; absent if it left none.
    std::optional<double> frozen_seconds;
    // If one was asked for: proved, or not provable.
    std::optional<Proof> proof;
    std::uint64_t bytes_images = 0;
    // Of these, what was copied before the tree stood still.
    std::uint64_t bytes_copied_ahead = 0;
    std::uint64_t bytes_archive = 0;
    std::uint64_t peak_memory_bytes = 0;
    std::map<std::string, double> phases;
    // Why the checkpoint can never be restored; only of one that was made anyway.
    std::vector<std::string> cannot_be_restored = {};
    // What shut the program in and does not come back: sentences.
    std::vector<std::string> sandbox_lost = {};
};

// Throws Error. Whatever it throws, no file with a final name exists unless it is whole, and the message says whether
// the tree runs on; only Fault::process_lost says that it does not. When moving to the mount point fails the error
// names where the whole checkpoint is. A proof that fails is an Error(Fault::dump_failed): the tree runs on, and no
// checkpoint is kept.
[[nodiscard]] DumpResult dump(const DumpRequest& request, const Interrupt& interrupt, Progress& progress);

} // namespace cedana
