// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>
#include <numeric>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

std::size_t levenshtein(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row.back();
}

double similarity(std::string_view a, std::string_view b) {
    const std::size_t longer = std::max(a.size(), b.size());
    if (longer == 0)
        return 1.0;
    return 1.0 - static_cast<double>(levenshtein(a, b)) / static_cast<double>(longer);
}

namespace {

// As levenshtein(), but two neighbours that changed places are one edit: the usual slip of a typist (optimal string
// alignment).
std::size_t slips(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before = std::exchange(last, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row.back();
}

} // namespace

std::string nearest(std::string_view word, std::span<const std::string> known) {
    constexpr double k_meant = 0.5;
    std::string best;
    double best_score = k_meant;
    for (const std::string& candidate : known) {
        const auto longer = static_cast<double>(std::max<std::size_t>({word.size(), candidate.size(), 1}));
        if (const double score = 1 - static_cast<double>(slips(word, candidate)) / longer; score > best_score) {
            best_score = score;
            best = candidate;
        }
    }
    return best;
}

namespace {

// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::size_t length = byte(0) < 0x80                       ? 1
                               : byte(0) >= 0xC2 && byte(0) <= 0xDF ? 2
                               : byte(0) >= 0xE0 && byte(0) <= 0xEF ? 3
                               : byte(0) >= 0xF0 && byte(0) <= 0xF4 ? 4
                                                                    : 0;
    if (length == 0 || length > text.size())
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80)
            return 0;
    // C1 controls (U+0080 to U+009F) steer terminals too.
    if (length == 2 && byte(0) == 0xC2 && byte(1) < 0xA0)
        return 0;
    return length;
}

std::tm utc(std::chrono::system_clock::time_point when) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return parts;
}

std::string format_time(const char* format, std::chrono::system_clock::time_point when) {
    const std::tm parts = utc(when);
    char buffer[64];
    return {buffer, std::strftime(buffer, sizeof buffer, format, &parts)};
}

} // namespace

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const auto first = static_cast<unsigned char>(text[0]);
        if (length == 0 || first < 0x20 || first == 0x7F) {
            out += fmt::format("\\x{:02x}", first);
            text.remove_prefix(1);
            continue;
        }
        out += text.substr(0, length);
        text.remove_prefix(length);
    }
    return out;
}

std::string shell_word(std::string_view text) {
    const auto is_plain = [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("/._-+@%:,=").find(static_cast<char>(c)) != std::string_view::npos;
    };
    // zsh takes a first = for the path of a program (zshexpn(1)).
    if (!text.empty() && text.front() != '=' && std::ranges::all_of(text, is_plain))
        return std::string(text);
    const bool is_shown = printable(text) == text;
    // In $'' bash, zsh and ksh take \xNN for the byte that printable() shows so.
    std::string word = is_shown ? "'" : "$'";
    while (!text.empty()) {
        const std::string_view one = text.substr(0, std::max<std::size_t>(utf8_length(text), 1));
        if (one == "'" || (one == "\\" && !is_shown))
            word += is_shown ? "'\\''" : fmt::format("\\{}", one);
        else
            word += printable(one);
        text.remove_prefix(one.size());
    }
    return word + "'";
}

std::string endpoint_text(std::string_view address, std::uint16_t port) {
    return address.find(':') == std::string_view::npos ? fmt::format("{}:{}", address, port)
                                                       : fmt::format("[{}]:{}", address, port);
}

std::string human_bytes(std::uint64_t bytes) {
    static constexpr std::string_view k_units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(k_units)) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 || value >= 10 ? fmt::format("{:.0f} {}", value, k_units[unit])
                                    : fmt::format("{:.1f} {}", value, k_units[unit]);
}

std::string utc_compact(std::chrono::system_clock::time_point when) { return format_time("%Y%m%dT%H%M%SZ", when); }
std::string utc_iso(std::chrono::system_clock::time_point when) { return format_time("%Y-%m-%dT%H:%M:%SZ", when); }

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        const std::size_t end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view k_space = " \t\r\n";
    const std::size_t first = text.find_first_not_of(k_space);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(k_space) - first + 1);
}

bool parse_number(std::string_view text, std::int64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

} // namespace cedana
