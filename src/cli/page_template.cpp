// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/page_template.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <stdexcept>

namespace cedana {

namespace {

constexpr std::string_view k_mark = "<!-- part: ";
constexpr std::string_view k_mark_end = " -->\n";

std::string_view part_of(std::string_view parts, std::string_view name) {
    const std::string line = std::string(k_mark) + std::string(name) + std::string(k_mark_end);
    const std::size_t begin = parts.find(line);
    if (begin == std::string_view::npos)
        throw std::logic_error("the page has no part " + std::string(name));
    parts.remove_prefix(begin + line.size());
    return parts.substr(0, parts.find(k_mark));
}

} // namespace

std::string html_escaped(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

std::string filled(std::string_view parts, std::string_view name,
                   std::initializer_list<std::pair<std::string_view, std::string>> values) {
    std::string out;
    std::string_view rest = part_of(parts, name);
    for (std::size_t begin = rest.find("{{"); begin != std::string_view::npos; begin = rest.find("{{")) {
        out += rest.substr(0, begin);
        rest.remove_prefix(begin);
        const bool is_html = rest.starts_with("{{{");
        const std::size_t braces = is_html ? 3 : 2;
        const std::size_t end = rest.find("}}");
        const std::string_view place = rest.substr(braces, end - braces);
        const auto value = std::ranges::find(values, place, [](const auto& one) { return one.first; });
        if (value == values.end())
            throw std::logic_error("the page has a place that is not filled: " + std::string(place));
        out += is_html ? value->second : html_escaped(value->second);
        rest.remove_prefix(end + braces);
    }
    return out += rest;
}

std::string page_part(std::string_view name, PageValues values) { return filled(k_inspection_html, name, values); }

std::string html_table(const Table& table) {
    const auto kind_of = [](const Column& column) -> std::string {
        return column.align == Align::right ? " class=\"n\"" : column.elastic ? " class=\"path\"" : "";
    };
    std::string titles;
    for (const Column& column : table.columns())
        titles += page_part("title", {{"kind", kind_of(column)}, {"text", column.title}});
    std::string rows;
    for (const std::vector<Cell>& row : table.rows()) {
        std::string cells;
        for (std::size_t i = 0; i < row.size(); ++i)
            cells += page_part("cell", {{"kind", kind_of(table.columns()[i])}, {"text", row[i].text}});
        rows += page_part("row", {{"cells", cells}});
    }
    return page_part("table", {{"titles", titles}, {"rows", rows}});
}

std::string whole_page(std::string_view title, std::string body) {
    return page_part(
        "page", {{"title", std::string(title)}, {"style", std::string(k_inspection_css)}, {"body", std::move(body)}});
}

} // namespace cedana
