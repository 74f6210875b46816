// SPDX-License-Identifier: Apache-2.0
// Files with a name of CRIU's as the manifest has them.
#pragma once

#include "cedana/model/link_remap.hpp"

#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

[[nodiscard]] nlohmann::json link_remaps_to_json(const std::vector<LinkRemap>& remaps);
// Throws Error(Fault::checkpoint) or nlohmann::json::exception on anything that is not such a list.
[[nodiscard]] std::vector<LinkRemap> link_remaps_from_json(const nlohmann::json& json);

} // namespace cedana
