// SPDX-License-Identifier: Apache-2.0
// `cedana client inspect`: what a checkpoint holds, from its manifest and its index, and on request from those images
// that tell of memory and registers; the pages are not read.
#pragma once

#include "cedana/checkpoint/memory_map.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/model/manifest.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

struct ImageSize {
    std::string name;
    std::uint64_t bytes = 0;
    std::uint64_t compressed = 0;
};

struct Inspection {
    std::filesystem::path path;
    std::uint64_t bytes_archive = 0;
    Manifest manifest;
    SignatureState signature = {};
    bool encrypted = false;
    // The largest first.
    std::vector<ImageSize> images;
    // Empty unless they were asked for.
    std::vector<MemoryMap> maps = {};
};

enum class Depth { manifest, memory_maps };

// Throws Error(Fault::checkpoint) for what is no checkpoint, damaged, unsafe or not trusted, and Error(Fault::usage) if
// there is no such file.
[[nodiscard]] Inspection inspect(const std::filesystem::path& path, const Keyring& keyring,
                                 Depth depth = Depth::manifest);

// A phase of the dump, in the order in which they happened.
struct Phase {
    std::string name;
    // Seconds from the begin of the dump.
    double begin = 0;
    double seconds = 0;
};

struct Timeline {
    std::vector<Phase> phases;
    double seconds = 0;
    // While the tree stood still.
    double frozen_begin = 0;
    double frozen_seconds = 0;
    // CRIU measured it; else the phases in which it stood still are taken whole, which is more.
    bool frozen_is_measured = false;
};

[[nodiscard]] Timeline timeline_of(const Manifest& manifest);

} // namespace cedana
