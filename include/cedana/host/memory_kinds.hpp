// SPDX-License-Identifier: Apache-2.0
// Memory that a host may lack though it has enough of it: huge pages, and what the kernel is willing to promise.
#pragma once

#include "cedana/checkpoint/restore_needs.hpp"

#include <filesystem>
#include <string>

namespace cedana {

// Throws Error(Fault::environment) if there are too few free huge pages of a size. `name`: of the tree. `sys` and
// `proc`: /sys and /proc, or folders that look like them; of what cannot be read there nothing is said.
void require_huge_pages(const NeededMemory& memory, const std::string& name, const std::filesystem::path& sys = "/sys",
                        const std::filesystem::path& proc = "/proc");

// Throws Error(Fault::environment) if the kernel would not give out the private memory of the tree
// (vm.overcommit_memory).
void require_commitment(const NeededMemory& memory, const std::string& name,
                        const std::filesystem::path& proc = "/proc");

} // namespace cedana
