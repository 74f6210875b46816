// SPDX-License-Identifier: Apache-2.0
// External pipes and terminals as the manifest has them.
#pragma once

#include "cedana/model/external_ends.hpp"

#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

[[nodiscard]] nlohmann::json external_pipes_to_json(const std::vector<ExternalPipe>& pipes);
[[nodiscard]] nlohmann::json external_terminals_to_json(const std::vector<ExternalTerminal>& terminals);

// Throw Error(Fault::checkpoint) or nlohmann's exceptions for anything that the functions above would not have made.
[[nodiscard]] std::vector<ExternalPipe> external_pipes_from_json(const nlohmann::json& json);
[[nodiscard]] std::vector<ExternalTerminal> external_terminals_from_json(const nlohmann::json& json);
[[nodiscard]] std::vector<unsigned> terminal_numbers_from_json(const nlohmann::json& json);

} // namespace cedana
