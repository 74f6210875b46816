// SPDX-License-Identifier: Apache-2.0
// Pure text helpers that more than one floor needs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// Edits (insert, delete, replace) that turn `a` into `b`, by bytes.
[[nodiscard]] std::size_t levenshtein(std::string_view a, std::string_view b);
// 1 - levenshtein / longer length; 1 for two empty texts.
[[nodiscard]] double similarity(std::string_view a, std::string_view b);

// The most similar of `known` to `word`, or empty if none is similar enough (0.5) to be meant.
[[nodiscard]] std::string nearest(std::string_view word, std::span<const std::string> known);

// Control characters and invalid UTF-8 as \xNN, so that a name from outside cannot steer the terminal.
[[nodiscard]] std::string printable(std::string_view text);

// The text as one word of a shell: as it is, or in quotes where the shell would make something else of it.
[[nodiscard]] std::string shell_word(std::string_view text);

// "1.5 GiB", "12 KiB", "7 B"
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

// "10.0.0.1:22", "[fe80::1]:22"
[[nodiscard]] std::string endpoint_text(std::string_view address, std::uint16_t port);

// "20261122T164510Z"
[[nodiscard]] std::string utc_compact(std::chrono::system_clock::time_point when);
// "2026-11-22T16:45:10Z"
[[nodiscard]] std::string utc_iso(std::chrono::system_clock::time_point when);

[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string_view trim(std::string_view text);

// A whole decimal number in range; false if `text` is anything else.
[[nodiscard]] bool parse_number(std::string_view text, std::int64_t& out);

} // namespace cedana
