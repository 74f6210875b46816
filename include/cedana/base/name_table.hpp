// SPDX-License-Identifier: Apache-2.0
// The names of an enumeration's values, once, for both directions.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace cedana {

template <typename Value, std::size_t Count>
class NameTable {
  public:
    using Row = std::pair<Value, std::string_view>;

    // Every value of the enumeration has one row.
    explicit constexpr NameTable(const std::array<Row, Count>& rows) : rows_(rows) {}

    // Empty for a value that has no row.
    [[nodiscard]] constexpr std::string_view name_of(Value value) const {
        const auto* const row = std::ranges::find(rows_, value, &Row::first);
        return row == rows_.end() ? std::string_view() : row->second;
    }
    [[nodiscard]] constexpr std::optional<Value> find(std::string_view name) const {
        const auto* const row = std::ranges::find(rows_, name, &Row::second);
        return row == rows_.end() ? std::nullopt : std::optional(row->first);
    }

  private:
    std::array<Row, Count> rows_;
};

// name_table<Colour>({{Colour::red, "red"}, {Colour::blue, "blue"}})
template <typename Value, std::size_t Count>
[[nodiscard]] constexpr NameTable<Value, Count> name_table(const std::pair<Value, std::string_view> (&rows)[Count]) {
    return NameTable<Value, Count>(std::to_array(rows));
}

} // namespace cedana
