// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/file_name.hpp"

#include <algorithm>

#include <climits>

namespace cedana {

std::string name_with(std::string_view name, std::string_view ending) {
    std::size_t room = NAME_MAX - std::min<std::size_t>(ending.size(), NAME_MAX);
    // Not within a character of UTF-8.
    while (room < name.size() && room > 0 && (static_cast<unsigned char>(name[room]) & 0xC0) == 0x80)
        --room;
    return std::string(name.substr(0, room)) + std::string(ending);
}

} // namespace cedana
