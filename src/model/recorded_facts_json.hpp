// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cedana/model/recorded_facts.hpp"

#include <nlohmann/json.hpp>

namespace cedana {

[[nodiscard]] nlohmann::json facts_to_json(const RecordedFacts& facts);
// Throws Error(Fault::checkpoint), or what nlohmann throws.
[[nodiscard]] RecordedFacts facts_from_json(const nlohmann::json& json);

} // namespace cedana
