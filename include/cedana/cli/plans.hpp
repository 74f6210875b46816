// SPDX-License-Identifier: Apache-2.0
// What --dry-run prints.
#pragma once

#include "cedana/action/dump_plan.hpp"
#include "cedana/action/restore_plan.hpp"

#include <nlohmann/json_fwd.hpp>

namespace cedana {

void print_plan(const DumpPlan& plan);
void print_plan(const RestorePlan& plan);

[[nodiscard]] nlohmann::ordered_json to_json(const DumpPlan& plan);
[[nodiscard]] nlohmann::ordered_json to_json(const RestorePlan& plan);

} // namespace cedana
