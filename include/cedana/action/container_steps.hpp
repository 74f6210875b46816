// SPDX-License-Identifier: Apache-2.0
// The steps of a restore of a container until something is changed: what its engine must have on this host, and what
// the container may have of it.
#pragma once

#include "cedana/action/restore_steps.hpp"
#include "cedana/action/step.hpp"
#include "cedana/containers/small_tar.hpp"

namespace cedana {

// After those that open the checkpoint. They refer to the draft, which must outlive them.
[[nodiscard]] Steps steps_before_container(RestoreDraft& draft);

// What podman has said of the container, out of the checkpoint.
[[nodiscard]] containers::SmallFiles podman_description(const Checkpoint& checkpoint);

} // namespace cedana
