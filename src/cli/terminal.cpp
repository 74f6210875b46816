// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/terminal.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <cstdlib>

#include <spdlog/fmt/fmt.h>

#include <sys/ioctl.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr std::string_view k_ellipsis = "…";

std::string_view code_of(Colour colour) {
    switch (colour) {
    case Colour::bold:
        return "1";
    case Colour::dim:
        return "2";
    case Colour::red:
        return "31";
    case Colour::green:
        return "32";
    case Colour::yellow:
        return "33";
    case Colour::blue:
        return "34";
    case Colour::none:
        break;
    }
    return "";
}

std::string_view environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string_view() : value;
}

struct Symbol {
    std::size_t bytes = 1;
    char32_t code = 0;
};

// The first code point of valid UTF-8; of anything else one byte.
Symbol first_symbol(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::size_t bytes = byte(0) < 0xC0 ? 1 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
    if (bytes == 1 || bytes > text.size())
        return {1, byte(0)};
    char32_t code = byte(0) & (0x7FU >> bytes);
    for (std::size_t i = 1; i < bytes; ++i)
        code = (code << 6) | (byte(i) & 0x3FU);
    return {bytes, code};
}

// The blocks that terminals show two columns wide: Hangul, CJK, full-width forms, emoji.
std::size_t columns_of(char32_t code) {
    const bool wide = (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
                      (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
                      (code >= 0xFE30 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF60) ||
                      (code >= 0x1F300 && code <= 0x1FAFF) || (code >= 0x20000 && code <= 0x3FFFD);
    const bool combining = code >= 0x0300 && code <= 0x036F;
    return combining ? 0 : wide ? 2 : 1;
}

} // namespace

std::size_t terminal_width(int fd) {
    struct ::winsize size {};
    if (::isatty(fd) != 1 || ::ioctl(fd, TIOCGWINSZ, &size) != 0)
        return 0;
    // Serial lines do not know their size.
    constexpr std::size_t k_usual = 80;
    return size.ws_col == 0 ? k_usual : size.ws_col;
}

Paint paint_for(int fd) {
    const bool wanted = ::isatty(fd) == 1 && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
    return wanted ? Paint::coloured : Paint::plain;
}

std::string painted(std::string_view text, Colour colour, Paint paint) {
    if (paint == Paint::plain || colour == Colour::none || text.empty())
        return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", code_of(colour), text);
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        const Symbol symbol = first_symbol(text);
        width += columns_of(symbol.code);
        text.remove_prefix(symbol.bytes);
    }
    return width;
}

std::string fitted(std::string_view text, std::size_t width) {
    if (display_width(text) <= width)
        return std::string(text);
    std::string kept;
    std::size_t used = 1;
    while (!text.empty()) {
        const Symbol symbol = first_symbol(text);
        used += columns_of(symbol.code);
        if (used > width)
            break;
        kept += text.substr(0, symbol.bytes);
        text.remove_prefix(symbol.bytes);
    }
    return width == 0 ? std::string() : kept + std::string(k_ellipsis);
}

std::string fitted_end(std::string_view text, std::size_t width) {
    const std::size_t all = display_width(text);
    if (all <= width)
        return std::string(text);
    std::size_t left = all;
    while (!text.empty() && left + 1 > width) {
        const Symbol symbol = first_symbol(text);
        left -= columns_of(symbol.code);
        text.remove_prefix(symbol.bytes);
    }
    return width == 0 ? std::string() : std::string(k_ellipsis) + std::string(text);
}

std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
    std::vector<std::string> lines(1);
    for (const std::string& word : split(text, ' ')) {
        std::string& line = lines.back();
        if (!line.empty() && display_width(line) + 1 + display_width(word) > width)
            lines.push_back(word);
        else
            line += (line.empty() ? "" : " ") + word;
    }
    return lines;
}

std::string hanging(const std::string& line, std::size_t indent, std::size_t width) {
    if (width == 0 || display_width(line) <= width)
        return line;
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    std::string text;
    std::string current(begin, ' ');
    bool is_first = true;
    for (const std::string& word : split(std::string_view(line).substr(begin), ' ')) {
        if (!is_first && display_width(current) + 1 + display_width(word) > width) {
            text += current + "\n";
            current.assign(indent, ' ');
            is_first = true;
        }
        current += is_first ? "" : " ";
        current += word;
        is_first = false;
    }
    return text + current;
}

} // namespace cedana
