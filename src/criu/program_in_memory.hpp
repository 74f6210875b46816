// SPDX-License-Identifier: Apache-2.0
// A program, or a library, that goes into cedana as bytes and that another process is to load.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <cstddef>
#include <span>

namespace cedana::criu {

// In memory, since folders such as /run are often mounted without the right to execute. Open for reading alone: what is
// open for writing cannot be executed (execve(2), ETXTBSY). `name` is what /proc shows. Throws Error with the message
// `cannot` where the host allows no programs in memory.
[[nodiscard]] UniqueFd program_in_memory(const char* cannot, const char* name, std::span<const std::byte> program);

} // namespace cedana::criu
