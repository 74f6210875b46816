// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/unit_entry.hpp"

#include <algorithm>

namespace cedana {

bool is_in_private_folder(const std::vector<UnitEntry>& entries, std::string_view path) {
    return std::ranges::any_of(entries, [path](const UnitEntry& entry) {
        return entry.is_private && entry.kind == UnitEntryKind::folder && path.starts_with(entry.path) &&
               path.size() > entry.path.size() && path[entry.path.size()] == '/';
    });
}

} // namespace cedana
