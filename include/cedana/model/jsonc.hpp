// SPDX-License-Identifier: Apache-2.0
// JSON as people write it by hand, with // and /* */ comments and trailing commas, read into a flat list that
// knows its lines. Pure: it does not know which keys exist.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

struct JsoncEntry {
    // The names on the way to it, joined by dots; a name may hold dots itself.
    std::string key;
    // Of the value, from 1.
    std::size_t line = 0;
    // A plain value, or an array of them. An object's entry is {}; its members follow as entries of their own.
    nlohmann::json value;
};

// The entries in the order of the text, repeated keys included; none for a text without any value. Throws
// Error(Fault::usage) with `name` and the line when the text is not one JSON object or is nested too deeply.
[[nodiscard]] std::vector<JsoncEntry> parse_jsonc(std::string_view text, const std::string& name);

// Comments and trailing commas turned into spaces; every other byte stays where it was. Throws as above.
[[nodiscard]] std::string blank_comments(std::string_view text, const std::string& name);

} // namespace cedana
