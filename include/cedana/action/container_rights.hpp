// SPDX-License-Identifier: Apache-2.0
// What the processes of a checkpoint that nobody who is trusted has signed would be and may do in their container,
// against what its engine says of that.
#pragma once

#include "cedana/action/restore_steps.hpp"
#include "cedana/action/step.hpp"

namespace cedana {

// One error a task. Warns of rights that containers do not have by themselves. Nothing for a checkpoint that is signed.
[[nodiscard]] Errors check_container_rights(const RestoreDraft& draft);

} // namespace cedana
