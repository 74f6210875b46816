// SPDX-License-Identifier: Apache-2.0
// Many things that are missing or different, as the cause of one error.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

// One a line, at most 20: "and 3 more" stands for the others.
inline std::string listed_cause(std::vector<std::string> found) {
    constexpr std::size_t k_most = 20;
    const std::size_t count = found.size();
    if (count > k_most) {
        found.resize(k_most);
        found.push_back(fmt::format("and {} more", count - k_most));
    }
    return fmt::format("{}", fmt::join(found, "\n         "));
}

} // namespace cedana
