// SPDX-License-Identifier: Apache-2.0
// Extended attributes of a file or folder that go with it (xattr(7)): its access lists (acl(5)), without which its
// group would get what the list allows at most, and those of users. Labels, capabilities and what is made of the
// content are the host's own to give.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// Values by their names; they may be any bytes.
using ExtendedAttributes = std::map<std::string, std::string>;

// Whether one of this name goes with a file. Pure.
[[nodiscard]] bool goes_with_file(std::string_view attribute) noexcept;

// The kernel takes no larger value (limits.h, XATTR_SIZE_MAX).
inline constexpr std::size_t k_largest_attribute = 65536;

// Of all that it has; a link is not followed.
[[nodiscard]] std::vector<std::string> attribute_names_of(const std::filesystem::path& path);
// Absent if it has none of this name; a link is not followed.
[[nodiscard]] std::optional<std::string> attribute_of(const std::filesystem::path& path, const std::string& name);

// Those that go with it; a link is not followed. None where there are none, or the file system has none.
[[nodiscard]] ExtendedAttributes extended_attributes_of(const std::filesystem::path& path);

// Beside those that it has. False with errno where not all of them could be set.
[[nodiscard]] bool set_extended_attributes(int fd, const ExtendedAttributes& attributes) noexcept;

} // namespace cedana
