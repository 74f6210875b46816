// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/terminal.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include <spdlog/fmt/fmt.h>

#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

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
    std::size_t columns = 1;
};

// The first code point; of what is no UTF-8 one byte.
Symbol first_symbol(std::string_view text) {
    utf8proc_int32_t code = 0;
    const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                        static_cast<utf8proc_ssize_t>(text.size()), &code);
    if (bytes <= 0)
        return {};
    return {static_cast<std::size_t>(bytes), static_cast<std::size_t>(utf8proc_charwidth(code))};
}

} // namespace

std::size_t terminal_width(int fd) {
    struct ::winsize size {};
    if (std::int64_t columns = 0; ::isatty(fd) == 1 && parse_number(environment("COLUMNS"), columns) && columns > 0)
        return static_cast<std::size_t>(columns);
    if (::isatty(fd) != 1 || ::ioctl(fd, TIOCGWINSZ, &size) != 0)
        return 0;
    // Serial lines do not know their size.
    constexpr std::size_t k_usual = 80;
    return size.ws_col == 0 ? k_usual : size.ws_col;
}

std::size_t terminal_height(int fd) {
    struct ::winsize size {};
    return ::isatty(fd) == 1 && ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
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
        width += symbol.columns;
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
        used += symbol.columns;
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
    // An accent goes with its letter.
    for (Symbol symbol = first_symbol(text); left + 1 > width || symbol.columns == 0; symbol = first_symbol(text)) {
        left -= symbol.columns;
        text.remove_prefix(symbol.bytes);
        if (text.empty())
            break;
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
