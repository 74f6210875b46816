// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/extended_attributes.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <linux/limits.h>
#include <sys/xattr.h>

namespace cedana {

bool goes_with_file(std::string_view attribute) noexcept {
    const bool is_readable = std::ranges::all_of(attribute, [](char c) { return c > ' ' && c <= '~'; });
    return is_readable && (attribute == "system.posix_acl_access" || attribute == "system.posix_acl_default" ||
                           (attribute.starts_with("user.") && attribute.size() > 5));
}

std::vector<std::string> attribute_names_of(const std::filesystem::path& path) {
    // Most files have none.
    if (::llistxattr(path.c_str(), nullptr, 0) <= 0)
        return {};
    std::string names(XATTR_LIST_MAX, '\0');
    const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
    return size <= 0 ? std::vector<std::string>()
                     : split(std::string_view(names).substr(0, static_cast<std::size_t>(size)), '\0');
}

std::optional<std::string> attribute_of(const std::filesystem::path& path, const std::string& name) {
    std::string value(k_largest_attribute, '\0');
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (size < 0)
        return std::nullopt;
    value.resize(static_cast<std::size_t>(size));
    return value;
}

ExtendedAttributes extended_attributes_of(const std::filesystem::path& path) {
    ExtendedAttributes found;
    for (const std::string& name : attribute_names_of(path))
        if (auto value = goes_with_file(name) ? attribute_of(path, name) : std::nullopt)
            found.emplace(name, std::move(*value));
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
