// SPDX-License-Identifier: Apache-2.0
// What --dry-run prints.
#pragma once

#include "cedana/action/dump_plan.hpp"
#include "cedana/action/restore_plan.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/failure.hpp"
#include "cedana/cli/output.hpp"

#include <nlohmann/json.hpp>

namespace cedana {

void print_plan(const DumpPlan& plan);
void print_plan(const RestorePlan& plan);

[[nodiscard]] nlohmann::ordered_json to_json(const DumpPlan& plan);
[[nodiscard]] nlohmann::ordered_json to_json(const RestorePlan& plan);

// A look that found a refusal ends as the action itself would: with the first one thrown.
template <typename Plan>
void show_plan(const Plan& plan, Format format) {
    if (format == Format::text)
        print_plan(plan);
    if (!plan.refusals.empty())
        throw FailedWithResult{plan.refusals.front(), to_json(plan)};
    if (format == Format::json)
        print_json(to_json(plan));
}

} // namespace cedana
