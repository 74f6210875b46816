// SPDX-License-Identifier: Apache-2.0
// Which names an entry of a checkpoint may have; writer and reader agree on it.
#pragma once

#include <string>
#include <string_view>

namespace cedana {

// What is wrong with the name of an entry, to be read after the name: "is absolute"; empty if nothing is.
[[nodiscard]] std::string flaw_of_entry_name(std::string_view name);

} // namespace cedana
