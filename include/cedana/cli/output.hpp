// SPDX-License-Identifier: Apache-2.0
// What people and programs read.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/cli/table.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace cedana {

// Thrown when nobody reads stdout any more, as with `| head -1`: the program ends without a word, like others.
struct ReaderGone {};

// One line to stdout. Throws ReaderGone, and Error(Fault::storage) when stdout cannot take it.
void print_line(std::string_view line);
// The result of what has been done: a line, or several. Where stdout cannot take it, it goes to stderr with the reason,
// since it was done all the same.
void print_result(std::string_view text);
// As print_line(), broken between words where the terminal ends; what follows stands `indent` columns to the right. A
// hint or remedy is not broken.
void print_text(const std::string& line, std::size_t indent);
// What JSON has for a text that is not there: null.
[[nodiscard]] nlohmann::ordered_json text_or_null(const std::string& text);
// One line of JSON in which no character steers a terminal.
[[nodiscard]] std::string json_line(const nlohmann::ordered_json& json);
void print_json(const nlohmann::ordered_json& json);
void print_json_result(const nlohmann::ordered_json& json);

// [{phase, seconds}], as a dump and a restore give how long each phase took.
[[nodiscard]] nlohmann::ordered_json timings_json(const std::map<std::string, double>& seconds);

// Its lines, as wide as the terminal is.
[[nodiscard]] std::string table_text(const Table& table);
void print_table(const Table& table);

// One line to stderr, for people: never part of the result.
void print_note(std::string_view note);

// The hint; for a user who is not permitted, where the error has none, to become root.
[[nodiscard]] std::string hint_of(const Error& error);

// The message of an error and, indented, the cause and the hint that it has: one more reason in a list.
[[nodiscard]] std::vector<std::string> reason_lines(const Error& error);

// "error: …" with the steps, cause, hint and log that it has, no wider than `width` (0: as wide as it is) but
// for the hint.
[[nodiscard]] std::string error_text(const Error& error, std::size_t width = 0, Paint paint = Paint::plain);
// To stderr, as wide as that is.
void print_error(const Error& error);

} // namespace cedana
