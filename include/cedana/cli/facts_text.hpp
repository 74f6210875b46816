// SPDX-License-Identifier: Apache-2.0
// The facts of a tree as lines for people: what is usual is counted, what is unusual is named.
#pragma once

#include "cedana/model/recorded_facts.hpp"

#include <string>
#include <vector>

namespace cedana {

// Safe for a terminal, without line ends.
[[nodiscard]] std::vector<std::string> facts_lines(const RecordedFacts& facts);

} // namespace cedana
