// SPDX-License-Identifier: Apache-2.0
// Required files as the manifest has them.
#pragma once

#include "cedana/model/required_file.hpp"

#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

[[nodiscard]] nlohmann::json required_files_to_json(const std::vector<RequiredFile>& files);
// Throws Error(Fault::checkpoint) or nlohmann::json::exception on anything that is not such a list.
[[nodiscard]] std::vector<RequiredFile> required_files_from_json(const nlohmann::json& json);

} // namespace cedana
