// SPDX-License-Identifier: Apache-2.0
// How this system calls itself, as uname(2) has it.
#pragma once

#include <string>

namespace cedana {

struct SystemNames {
    std::string host;
    // "6.18.0-generic"
    std::string kernel;
    // "x86_64"
    std::string machine;
};

[[nodiscard]] SystemNames system_names();

} // namespace cedana
