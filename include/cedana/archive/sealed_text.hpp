// SPDX-License-Identifier: Apache-2.0
// A small entry of an encrypted checkpoint: compressed, and sealed as a whole under its name.
#pragma once

#include "cedana/keys/seal.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace cedana {

// For each name of a checkpoint once.
[[nodiscard]] std::string seal_text(const Seal& seal, std::string_view name, std::string_view text);
// Throws Error(Fault::checkpoint) for what was not sealed under this name with this key, and for more than `limit`
// bytes of text.
[[nodiscard]] std::string open_text(const Seal& seal, std::string_view name, std::string_view sealed,
                                    std::size_t limit);

} // namespace cedana
