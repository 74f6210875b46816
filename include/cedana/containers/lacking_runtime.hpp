// SPDX-License-Identifier: Apache-2.0
// A runtime that was built without CRIU (crun of Debian 12): podman, which tells what it knows of a container in a
// checkpoint alone, asks no such runtime for one. So the podman that is to tell it sees another program in the place of
// its runtime, in a mount namespace of its own: one that says that it has made a checkpoint, and passes all else on.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace cedana::containers {

// Whether a runtime can make and restore checkpoints. Throws Error where it cannot be started.
[[nodiscard]] bool knows_checkpoints(const std::string& runtime);

// A mount namespace like that of this process, in which `runtime` is that other program. `work`: a private folder below
// the state folder, in which that has what it needs for as long as it is used. Throws Error.
[[nodiscard]] UniqueFd replace_runtime(const std::string& runtime, const std::filesystem::path& work);

// If this process was started as that program: it becomes the runtime, or ends with this exit code.
[[nodiscard]] std::optional<int> run_as_lacking_runtime(int argc, char** argv);

} // namespace cedana::containers
