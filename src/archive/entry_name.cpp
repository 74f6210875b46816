// SPDX-License-Identifier: Apache-2.0
#include "entry_name.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>

namespace cedana {

namespace {

// zip stores the length of a name in 16 bits; no path that Linux opens is longer than this.
constexpr std::size_t k_longest_entry = 4095;

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

} // namespace

std::string flaw_of_entry_name(std::string_view name) {
    if (name.empty())
        return "is empty";
    if (name.size() > k_longest_entry)
        return "is too long";
    if (std::ranges::any_of(name, is_control))
        return "holds a control character";
    if (name.find('\\') != std::string_view::npos)
        return "holds a backslash";
    if (name.front() == '/')
        return "is absolute";
    if (name.back() == '/')
        return "is that of a folder";
    for (const std::string& part : split(name, '/')) {
        if (part == "..")
            return "leads upwards";
        if (part.empty() || part == ".")
            return "is not in its shortest form";
    }
    return {};
}

} // namespace cedana
