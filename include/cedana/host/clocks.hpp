// SPDX-License-Identifier: Apache-2.0
// The clocks that run on from the boot: a program may rely on it that they never go back (clock_gettime(2)).
#pragma once

#include "cedana/criu/tree_images.hpp"

#include <optional>
#include <string>

namespace cedana {

// Which of them would go back for a program to which they last showed that, as a sentence; absent: none.
[[nodiscard]] std::optional<std::string> clock_behind(const criu::DumpedClocks& shown);

} // namespace cedana
