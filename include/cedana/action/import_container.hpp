// SPDX-License-Identifier: Apache-2.0
// A checkpoint that podman has made becomes one of ours (containers/podman_import): what `cedana client export` writes,
// or podman itself. Nothing runs, and no engine is asked.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/base/secret_bytes.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/model/caller.hpp"
#include "cedana/model/config.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace cedana {

struct ImportRequest {
    std::filesystem::path archive;
    // Absent: shared_storage.dump_storage_dir.
    std::optional<std::filesystem::path> folder;
    Config config;
    Caller caller = {};
    // Encrypts the checkpoint; null for none.
    std::shared_ptr<const SecretBytes> passphrase = nullptr;
};

struct ImportResult {
    std::filesystem::path checkpoint;
    std::filesystem::path archive;
    // The name of the container.
    std::string name;
    std::uint64_t bytes = 0;
};

// The checkpoint is not signed: nobody knows who made the archive, and whoever does may sign it. It has its name once
// it is whole and on the disk, or not at all. Throws Error: Fault::permission for an archive that others than root can
// change, Fault::usage and Fault::checkpoint as PodmanImport does, Fault::storage.
[[nodiscard]] ImportResult import_container(const ImportRequest& request, const Interrupt& interrupt,
                                            Progress& progress);

} // namespace cedana
