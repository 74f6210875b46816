// SPDX-License-Identifier: Apache-2.0
// What is podman's own way: it tells all that it knows of a container in an exported checkpoint alone, and takes it
// back from one alone. So it is asked for a checkpoint for which nothing is dumped, and later given one without images.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/containers/engine.hpp"
#include "cedana/containers/small_tar.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace cedana::containers {

// In a checkpoint, before the names of podman's own files.
inline constexpr const char* k_podman_folder = "container/podman/";
// Without the first two podman takes nothing back.
[[nodiscard]] const std::vector<std::string>& podman_files();

// podman's description of a container that runs, which goes on meanwhile. `work`: a private folder; `criu`: what
// answers podman's questions about CRIU; `runtime`: the container's. Throws Error(Fault::dump_failed).
[[nodiscard]] SmallFiles describe_by_podman(const Engine& engine, const std::string& id, const std::string& runtime,
                                            const std::filesystem::path& work, const std::string& criu,
                                            const Interrupt& interrupt);

// The archive that podman imports: `description`, and what runc looks for beside the images.
void write_podman_archive(const std::filesystem::path& path, SmallFiles description,
                          const std::string& external_descriptors);

} // namespace cedana::containers
