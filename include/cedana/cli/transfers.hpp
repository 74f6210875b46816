// SPDX-License-Identifier: Apache-2.0
// What `client list --lazy` prints.
#pragma once

#include "cedana/cli/commands.hpp"

namespace cedana {

// The lazy restores whose memory is still on its way, or could not be completed. Throws Error(Fault::permission) for
// other users than root.
void list_transfers(const CommonArguments& common);

} // namespace cedana
