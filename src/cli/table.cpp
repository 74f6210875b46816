// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/table.hpp"

#include <algorithm>

namespace cedana {

namespace {

constexpr std::size_t k_gap = 2;
// An elastic column that is cut further says nothing; columns are left out before it is cut to less than the first.
constexpr std::size_t k_good_elastic = 32;
constexpr std::size_t k_least_elastic = 8;

std::size_t total(const std::vector<std::size_t>& widths) {
    std::size_t sum = 0;
    for (const std::size_t width : widths)
        sum += width == 0 ? 0 : width + k_gap;
    return sum == 0 ? 0 : sum - k_gap;
}

} // namespace

std::vector<std::size_t> Table::natural_widths() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        widths.push_back(std::max<std::size_t>(1, display_width(columns_[i].title)));
        for (const auto& row : rows_)
            widths[i] = std::max(widths[i], display_width(row[i].text));
    }
    return widths;
}

std::vector<std::size_t> Table::fitting_widths(std::size_t width) const {
    std::vector<std::size_t> widths = natural_widths();
    if (width == 0)
        return widths;
    const auto elastic = std::ranges::find(columns_, true, &Column::elastic);
    const auto place = static_cast<std::size_t>(elastic - columns_.begin());
    // What the elastic column could give before columns are left out.
    const auto spare = [&] {
        return elastic == columns_.end() || widths[place] <= k_good_elastic ? 0 : widths[place] - k_good_elastic;
    };
    std::vector<std::size_t> order(columns_.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return columns_[a].rank > columns_[b].rank; });
    for (const std::size_t i : order)
        if (columns_[i].rank != 0 && total(widths) > width + spare())
            widths[i] = 0;
    if (const std::size_t sum = total(widths); sum > width && elastic != columns_.end())
        widths[place] = sum - width < widths[place] - std::min(widths[place], k_least_elastic)
                            ? widths[place] - (sum - width)
                            : std::min(widths[place], k_least_elastic);
    return widths;
}

std::vector<std::string> Table::lines(std::size_t width, Paint paint) const {
    const std::vector<std::size_t> widths = fitting_widths(width);
    std::size_t last = 0;
    for (std::size_t i = 0; i < widths.size(); ++i)
        last = widths[i] == 0 ? last : i;
    const auto render = [&](const auto& cell_at) {
        std::string line;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            if (widths[i] == 0)
                continue;
            const Cell& cell = cell_at(i);
            const std::string text =
                columns_[i].keep == Keep::end ? fitted_end(cell.text, widths[i]) : fitted(cell.text, widths[i]);
            const std::string padding(widths[i] - std::min(widths[i], display_width(text)), ' ');
            const std::string shown = painted(text, cell.colour, paint);
            line += columns_[i].align == Align::right ? padding + shown : i == last ? shown : shown + padding;
            line += i == last ? "" : std::string(k_gap, ' ');
        }
        return line.erase(line.find_last_not_of(' ') + 1);
    };
    std::vector<Cell> titles;
    for (const Column& column : columns_)
        titles.emplace_back(column.title, Colour::bold);
    std::vector<std::string> lines = {render([&](std::size_t i) -> const Cell& { return titles[i]; })};
    for (const auto& row : rows_)
        lines.push_back(render([&](std::size_t i) -> const Cell& { return row[i]; }));
    return lines;
}

} // namespace cedana
