// SPDX-License-Identifier: Apache-2.0
// Names that are made of names of others: a file system takes no more than 255 bytes (limits.h, NAME_MAX).
#pragma once

#include <string>
#include <string_view>

namespace cedana {

// Both together, the end of `name` left out as far as there is no room for it.
[[nodiscard]] std::string name_with(std::string_view name, std::string_view ending);

} // namespace cedana
