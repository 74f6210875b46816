// SPDX-License-Identifier: Apache-2.0
// The CRIU that an action uses.
#pragma once

#include "cedana/model/config.hpp"

#include <string>

namespace cedana {

struct CriuProgram {
    // Empty until it was found.
    std::string path = {};
    std::string version = {};
};

// Throws Error as find_trusted_criu() and criu::require_version() do.
[[nodiscard]] CriuProgram require_criu(const Config& config);

} // namespace cedana
