// SPDX-License-Identifier: Apache-2.0
// What this process has in memory are the secrets of others; a crash must not write them to a disk.
#pragma once

#include <cstdint>

namespace cedana {

// No core of this process, and nobody but root can look into it; no core of its children either, as long as they do not
// change that. Does nothing without root's rights, when there are no secrets of others.
void forbid_core_dumps();

// The soft limit of cores that there was before.
[[nodiscard]] std::uint64_t core_limit_at_start();

} // namespace cedana
