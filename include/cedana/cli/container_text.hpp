// SPDX-License-Identifier: Apache-2.0
// What a checkpoint says of a container, for people and for programs.
#pragma once

#include "cedana/model/container.hpp"

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

// Name and value of each fact, safe for a terminal.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> container_facts(const ContainerRecord& container);

[[nodiscard]] nlohmann::ordered_json to_json(const ContainerRecord& container);

} // namespace cedana
