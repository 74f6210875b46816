// SPDX-License-Identifier: Apache-2.0
// Where cedana keeps what lasts as long as its work: work folders and locks.
#pragma once

#include <filesystem>

namespace cedana {

// /run/cedana, 0700 and root's; made if it is not there. Throws Error(Fault::permission) when it is somebody else's.
[[nodiscard]] std::filesystem::path state_folder();

// Throws as state_folder() does when it is somebody else's; makes nothing.
void require_own_state_folder();

} // namespace cedana
