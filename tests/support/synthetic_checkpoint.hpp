// SPDX-License-Identifier: Apache-2.0
// Checkpoints made without CRIU and without a process: whole as far as cedana can tell, with a manifest of the size of
// a real one and images of a few kilobytes.
#pragma once

#include "cedana/model/manifest.hpp"

#include <filesystem>
#include <string>

namespace cedana::testing {

// A manifest that parses: one process, 120 CPU flags, 40 required files; all else may be changed.
[[nodiscard]] Manifest plausible_manifest(const std::string& name, pid_t pid, const std::string& created);

// Writes the checkpoint; digests, counts and sizes of the manifest are filled in. `content`: of its one image.
void write_checkpoint(const std::filesystem::path& path, Manifest manifest, const std::string& content = "image");

} // namespace cedana::testing
