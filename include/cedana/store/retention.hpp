// SPDX-License-Identifier: Apache-2.0
// Which checkpoints of a store are no longer kept. A rule that is set keeps what it names; what no rule keeps may go.
// Of each program the newest always stays. A program is what has a name and a command line on a host. Pure.
#pragma once

#include "cedana/store/catalog.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace cedana {

struct RetentionRules {
    // The newest so many of each program; 0: this rule keeps nothing.
    std::int64_t keep_last = 0;
    // Those younger than so many days; 0: this rule keeps nothing.
    std::int64_t keep_days = 0;

    [[nodiscard]] bool any() const noexcept { return keep_last > 0 || keep_days > 0; }
};

// The checkpoints of one program, each newest first.
struct RetentionGroup {
    std::vector<CatalogEntry> kept;
    std::vector<CatalogEntry> surplus;
};

// What is no checkpoint is in no group. `catalog`: newest first. Without any rule nothing is surplus.
[[nodiscard]] std::vector<RetentionGroup> apply(const RetentionRules& rules, const std::vector<CatalogEntry>& catalog,
                                                std::chrono::system_clock::time_point now);

} // namespace cedana
