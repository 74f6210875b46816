// SPDX-License-Identifier: Apache-2.0
// What is looked at for a lazy restore beyond what every restore needs, before anything is started.
#pragma once

#include "cedana/action/restore.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/lazy/memory.hpp"

#include <cstdint>
#include <optional>

namespace cedana {

// Throws Error for what a lazy restore does not go with (Fault::usage), and where the kernel has no userfaultfd for it
// (Fault::environment). Nothing for an eager one.
void refuse_lazy_requests(const RestoreRequest& request);

// Throws Error(Fault::storage) if the memory of the tree is more than what is available; 0: that is not known.
void require_room(const LazyMemory& memory, std::uint64_t available);

// Absent for an eager one. Throws as require_room() does.
[[nodiscard]] std::optional<LazyMemory> prepare_lazy(const RestoreRequest& request, const Checkpoint& checkpoint);

} // namespace cedana
