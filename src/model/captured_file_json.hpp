// SPDX-License-Identifier: Apache-2.0
// The list of captured files in the manifest.
#pragma once

#include "cedana/model/captured_file.hpp"

#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

[[nodiscard]] nlohmann::json captured_files_to_json(const std::vector<CapturedFile>& files);

// Throws Error(Fault::checkpoint) or nlohmann's exceptions for anything that the function above would not have made.
[[nodiscard]] std::vector<CapturedFile> captured_files_from_json(const nlohmann::json& json);

} // namespace cedana
