// SPDX-License-Identifier: Apache-2.0
// Where checkpoints are when neither the command line nor a setting says so.
#pragma once

#include <filesystem>

namespace cedana {

inline constexpr const char* k_default_store = "/var/lib/cedana";

// Makes it, 0700, if it is not there. Throws Error(Fault::storage).
void make_default_store();

} // namespace cedana
