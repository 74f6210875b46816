// SPDX-License-Identifier: Apache-2.0
// Parts of HTML with places for data: src/cli/inspection.html. A part begins below its line "<!-- part: NAME -->".
#pragma once

#include "cedana/cli/table.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace cedana {

// The files beside the sources, which CMake puts into the program.
extern const std::string_view k_inspection_html;
extern const std::string_view k_inspection_css;

// As it stands between tags or in an attribute, without control characters.
[[nodiscard]] std::string html_escaped(std::string_view text);

// The part `name` of `parts` with its places filled: {{place}} with the text, escaped; {{{place}}} with HTML as it is.
// Throws std::logic_error for a part or a place that is not there.
[[nodiscard]] std::string filled(std::string_view parts, std::string_view name,
                                 std::initializer_list<std::pair<std::string_view, std::string>> values);

// These of inspection.html: a part; a table, whole, the elastic column as a path; a page with its style.
using PageValues = std::initializer_list<std::pair<std::string_view, std::string>>;
[[nodiscard]] std::string page_part(std::string_view name, PageValues values);
[[nodiscard]] std::string html_table(const Table& table);
[[nodiscard]] std::string whole_page(std::string_view title, std::string body);

} // namespace cedana
