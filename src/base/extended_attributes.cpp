// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/extended_attributes.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/xattr.h>

namespace cedana {

namespace {

// XATTR_LIST_MAX of limits.h.
constexpr std::size_t k_longest_list = 65536;

std::string first_of(std::string value, ssize_t length) {
    value.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    return value;
}

} // namespace

bool goes_with_file(std::string_view attribute) noexcept {
    const bool is_readable = std::ranges::all_of(attribute, [](char c) { return c > ' ' && c <= '~'; });
    return is_readable && (attribute == "system.posix_acl_access" || attribute == "system.posix_acl_default" ||
                           (attribute.starts_with("user.") && attribute.size() > 5));
}

ExtendedAttributes extended_attributes_of(const std::filesystem::path& path) {
    ExtendedAttributes found;
    // Most files have none.
    if (::llistxattr(path.c_str(), nullptr, 0) <= 0)
        return found;
    std::string list(k_longest_list, '\0');
    const ssize_t listed = ::llistxattr(path.c_str(), list.data(), list.size());
    list = first_of(std::move(list), listed);
    for (std::string_view rest = list; !rest.empty(); rest.remove_prefix(rest.find('\0') + 1)) {
        const std::string name(rest.substr(0, rest.find('\0')));
        if (!goes_with_file(name))
            continue;
        std::string value(k_largest_attribute, '\0');
        if (const ssize_t length = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size()); length >= 0)
            found.emplace(name, first_of(std::move(value), length));
    }
    return found;
}

bool set_extended_attributes(int fd, const ExtendedAttributes& attributes) noexcept {
    int failed = 0;
    for (const auto& [name, value] : attributes)
        if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0)
            failed = errno;
    errno = failed;
    return failed == 0;
}

} // namespace cedana
