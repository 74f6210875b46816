// SPDX-License-Identifier: Apache-2.0
// The steps of a dump until CRIU is started, which a dump and its --dry-run have in common: what is looked at, what is
// refused, what is prepared.
#pragma once

#include "cedana/action/dump.hpp"
#include "cedana/action/step.hpp"
#include "cedana/action/tree_unit.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/checkpoint/file_capture.hpp"
#include "cedana/engine/criu_program.hpp"
#include "cedana/engine/tree_look.hpp"
#include "cedana/keys/encryption.hpp"
#include "cedana/keys/signature.hpp"
#include "cedana/process/identity.hpp"
#include "cedana/process/named_files.hpp"
#include "cedana/process/preparation.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/undo/tree_lock.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

struct DumpKeys {
    std::optional<SigningKey> signing = std::nullopt;
    std::optional<Encryption> encryption = std::nullopt;
};

// What these steps find out and hold. Each fills in its part; after a rehearsal a part may be missing.
struct DumpDraft {
    DumpDraft(const DumpRequest& whom, const Interrupt& by, Progress& to)
        : request(whom), interrupt(by), progress(to), preparation(whom.config, procfs) {}
    DumpDraft(const DumpDraft&) = delete;
    DumpDraft& operator=(const DumpDraft&) = delete;

    const DumpRequest& request;
    const Interrupt& interrupt;
    // Is told what a step waits for.
    Progress& progress;
    Procfs procfs;
    DumpKeys keys;
    CriuProgram criu;
    std::filesystem::path folder;
    ProcessId root;
    // Absent for a tree of no container.
    std::optional<ContainerTree> container;
    std::optional<SeenTree> seen;
    // What was named to go with it.
    NamedFiles named;
    // Absent if it belongs to none, or systemd does not know it.
    std::optional<TreeUnit> unit;
    std::optional<TreeLock> lock;
    Preparation preparation;
    // The program was asked to prepare itself: it cannot put right any more what is refused.
    bool prepared = false;
    std::optional<FileCapture> files;
    // Memory is copied before the tree stands still (PreCopy).
    bool copies_ahead = false;
    // It has been tried in vain to have CRIU write its images into a folder.
    bool only_streams = false;
    // What was refused and is dumped anyway.
    std::vector<std::string> passed_over;
};

// They refer to the draft, which must outlive them. All of them are those that find the process, which may ask for
// consent, and then those on the process that was found.
[[nodiscard]] Steps steps_that_find(DumpDraft& draft);
[[nodiscard]] Steps steps_on_found(DumpDraft& draft);
[[nodiscard]] Steps steps_before_dump(DumpDraft& draft);

} // namespace cedana
