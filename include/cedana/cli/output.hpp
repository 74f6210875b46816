// SPDX-License-Identifier: Apache-2.0
// What people and programs read.
#pragma once

#include "cedana/base/error.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace cedana {

// One line to stdout. Throws Error(Fault::storage) when stdout cannot take it.
void print_line(std::string_view line);
void print_json(const nlohmann::ordered_json& json);

// Columns as wide as their widest cell, the last one not padded.
void print_table(std::span<const std::vector<std::string>> rows);

// "error: …" with the steps, cause, hint and log that it has.
[[nodiscard]] std::string error_text(const Error& error);

} // namespace cedana
