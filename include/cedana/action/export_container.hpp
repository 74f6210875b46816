// SPDX-License-Identifier: Apache-2.0
// A checkpoint of a container as its engine's own kind of one: for a host that has no cedana.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/model/config.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace cedana {

struct ExportRequest {
    std::filesystem::path checkpoint;
    std::filesystem::path archive;
    // An archive that is there already is replaced.
    bool overwrites = false;
    Config config;
    Keyring keyring;
};

struct ExportResult {
    std::filesystem::path checkpoint;
    std::filesystem::path archive;
    // The name of the container.
    std::string name;
    std::uint64_t bytes = 0;
};

// Every byte is compared with its digest before it is written; the archive has its name once it is whole and on the
// disk, or not at all. Throws Error: Fault::usage for what is no container of podman's, or where the archive is there
// already, else as a restore does for a checkpoint that is not trusted or damaged.
[[nodiscard]] ExportResult export_container(const ExportRequest& request, const Interrupt& interrupt,
                                            Progress& progress);

} // namespace cedana
