// SPDX-License-Identifier: Apache-2.0
// cedana as an OCI runtime: started as `cedana-runtime`, by an engine that was told of it. It is runc, all of whose
// commands it passes on, but for a container that a restore has told it of (one_shot.hpp): that one it has runc restore
// where it was to be made, and its start has nothing left to do.
#pragma once

#include <optional>

namespace cedana::containers {

// The name of the link by which it is started.
inline constexpr const char* k_runtime_name = "cedana-runtime";

// If this process was started by that name: it becomes runc, or ends with this exit code. Before anything else is done
// in it, since what it has open and how its signals are is the engine's.
[[nodiscard]] std::optional<int> run_as_runtime(int argc, char** argv);

} // namespace cedana::containers
