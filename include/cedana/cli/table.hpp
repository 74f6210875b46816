// SPDX-License-Identifier: Apache-2.0
// A table that fits the terminal: columns as wide as their widest cell; where there is no room, the least important
// ones are left out, and then the elastic one is cut. Into a pipe everything is written. Pure.
#pragma once

#include "cedana/cli/terminal.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace cedana {

enum class Align { left, right };
// Which part of a text stays where it is cut: of a path its end says more.
enum class Keep { begin, end };

struct Column {
    std::string title;
    Align align = Align::left;
    // 0: always shown; else the columns with the highest rank are left out first.
    int rank = 0;
    // Cut when nothing is left to leave out; at most one.
    bool elastic = false;
    Keep keep = Keep::begin;
};

struct Cell {
    Cell(std::string content, Colour how = Colour::none) : text(std::move(content)), colour(how) {}
    Cell(const char* content) : text(content) {}

    // Without control characters: see printable().
    std::string text;
    Colour colour = Colour::none;
};

class Table {
  public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // As many cells as there are columns.
    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    [[nodiscard]] const std::vector<Column>& columns() const noexcept { return columns_; }
    [[nodiscard]] const std::vector<std::vector<Cell>>& rows() const noexcept { return rows_; }

    // The titles and the rows. `width`: of the terminal, 0 for no limit.
    [[nodiscard]] std::vector<std::string> lines(std::size_t width, Paint paint) const;

  private:
    [[nodiscard]] std::vector<std::size_t> natural_widths() const;
    // By column; 0 for one that is left out.
    [[nodiscard]] std::vector<std::size_t> fitting_widths(std::size_t width) const;

    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

} // namespace cedana
