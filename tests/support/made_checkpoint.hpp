// SPDX-License-Identifier: Apache-2.0
// Checkpoints made without a process and without CRIU: whole ones, and ones of which single parts are not as any dump
// would have made them, with all digests right.
#pragma once

#include "cedana/archive/codec.hpp"
#include "cedana/model/manifest.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace cedana::testing {

struct CheckpointParts {
    // Name → content.
    std::map<std::string, std::string> images = {{"inventory.img", "inventory"},
                                                 {"pages-1.img", std::string(5000, 'p')}};
    // Path → content, of files that were open for writing.
    std::map<std::string, std::string> files = {};
    // Entry → content, of all others.
    std::map<std::string, std::string> texts = {};
    Method method = Method::zstd;
    // The entry `sums` in place of the right one; there is none, as in older checkpoints, if it is empty.
    std::function<std::string(const std::string& sums)> sums = [](const std::string& right) { return right; };
    // Changes the manifest when all else is in it.
    std::function<void(Manifest&)> change = [](Manifest&) {};
    // Changes its text.
    std::function<void(std::string&)> rewrite = [](std::string&) {};
    // The signature of that text; there is none if it is empty.
    std::function<std::string(const std::string& manifest)> sign = [](const std::string&) { return std::string(); };
};

// A process of which nothing is left, on this host.
[[nodiscard]] Manifest plain_manifest();

// Of a container of podman's, without its files.
[[nodiscard]] CheckpointParts parts_of_podmans_container();

// Writes a new file. Throws Error.
void make_checkpoint(const std::filesystem::path& path, const CheckpointParts& parts = {});

} // namespace cedana::testing
