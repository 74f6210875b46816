// SPDX-License-Identifier: Apache-2.0
// The SHA-256 of what is in a file, read from its start.
#pragma once

#include "cedana/base/signals.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace cedana {

// Of the first `size` bytes, in hexadecimal; absent if the file ends before. `path` is for messages. Throws Error of
// the errno, or Error(Fault::interrupted).
[[nodiscard]] std::optional<std::string> content_digest(int fd, const std::filesystem::path& path, std::uint64_t size,
                                                        const Interrupt& interrupt);

} // namespace cedana
