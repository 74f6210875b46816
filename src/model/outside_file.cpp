// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/outside_file.hpp"

#include <spdlog/fmt/fmt.h>

#include <sys/sysmacros.h>

#include "manifest_json.hpp"

namespace cedana {

std::string_view path_of_stateless(dev_t device) {
    constexpr unsigned k_memory = 1;
    if (major(device) != k_memory)
        return {};
    switch (minor(device)) {
    case 3:
        return "/dev/null";
    case 5:
        return "/dev/zero";
    case 7:
        return "/dev/full";
    case 8:
        return "/dev/random";
    case 9:
        return "/dev/urandom";
    default:
        return {};
    }
}

std::string external_id(int mount, ino_t inode) { return fmt::format("file[{:x}:{:x}]", mount, inode); }

bool is_external_id(std::string_view id) {
    constexpr std::string_view k_start = "file[";
    if (!id.starts_with(k_start) || !id.ends_with(']'))
        return false;
    const std::string_view numbers = id.substr(k_start.size(), id.size() - k_start.size() - 1);
    const std::size_t colon = numbers.find(':');
    return colon != std::string_view::npos && colon != 0 && colon + 1 != numbers.size() &&
           is_hexadecimal(numbers.substr(0, colon)) && is_hexadecimal(numbers.substr(colon + 1));
}

} // namespace cedana
