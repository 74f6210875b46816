// SPDX-License-Identifier: Apache-2.0
// How a process that is no child of this one has ended.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/process/identity.hpp"

#include <optional>

namespace cedana {

// Absent while it runs, and where the kernel does not tell: before 6.15 only of a process that its parent has not yet
// collected.
[[nodiscard]] std::optional<ExitStatus> how_it_ended(const Procfs& procfs, const ProcessHandle& process);

} // namespace cedana
