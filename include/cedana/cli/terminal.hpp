// SPDX-License-Identifier: Apache-2.0
// What is known of the terminal behind an output: its width, and whether colours are wanted there. And the marks that
// colour a text; programs that read a pipe never get any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

enum class Colour { none, bold, dim, red, green, yellow, blue };
enum class Paint { plain, coloured };

// Columns of the terminal behind `fd`, or what COLUMNS says of it; 0 if there is none, and so no limit.
[[nodiscard]] std::size_t terminal_width(int fd);

// Its lines; 0 if there is none.
[[nodiscard]] std::size_t terminal_height(int fd);

// coloured: a terminal, TERM is not "dumb", and NO_COLOR (https://no-color.org) is unset or empty.
[[nodiscard]] Paint paint_for(int fd);

[[nodiscard]] std::string painted(std::string_view text, Colour colour, Paint paint);

// Columns that a text without control characters takes on a terminal: two for CJK and emoji, none for what combines.
[[nodiscard]] std::size_t display_width(std::string_view text);

// At most `width` columns of the text; if something is cut off, it ends in "…".
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width);
// As fitted(), but the end stays, behind the "…".
[[nodiscard]] std::string fitted_end(std::string_view text, std::size_t width);

// A paragraph in lines of at most `width` columns; a longer word has a line of its own.
[[nodiscard]] std::vector<std::string> wrapped(const std::string& text, std::size_t width);
// A line that is broken between words where it would be wider than `width` (0: nowhere), what follows standing `indent`
// columns to the right. Its own indentation stays.
[[nodiscard]] std::string hanging(const std::string& line, std::size_t indent, std::size_t width);

} // namespace cedana
