// SPDX-License-Identifier: Apache-2.0
// What is wrong with JSON that comes from outside, in words for people.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace cedana {

// Of this text, which was parsed and read with that failure: "it is empty", "it is no JSON from byte 13 on".
[[nodiscard]] std::string what_is_wrong_with(std::string_view text, const nlohmann::json::exception& error);

// The same where the text is not at hand: "it is no JSON from byte 13 on", "key 'since' not found", "type must be
// string, but is null".
[[nodiscard]] std::string what_is_wrong(const nlohmann::json::exception& error);

} // namespace cedana
