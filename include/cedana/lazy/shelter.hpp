// SPDX-License-Identifier: Apache-2.0
// What makes a process hard to end by accident: a tree depends on it.
#pragma once

#include <vector>

namespace cedana {

// The signals that such a process ignores: those that ask it to end.
[[nodiscard]] std::vector<int> ignored_signals();

} // namespace cedana
