// SPDX-License-Identifier: Apache-2.0
// What is in the way of files that are to be put back: looks, which change nothing. Each throws Error for that.
#pragma once

#include "cedana/base/leases.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/files/file_place.hpp"
#include "cedana/model/captured_file.hpp"
#include "cedana/model/named_place.hpp"

#include <filesystem>

namespace cedana {

// False: it is to be made. Throws Error where something else is.
[[nodiscard]] bool is_there(const NamedPlace& named, const std::filesystem::path& root);

void require_no_lease(const FilePlace& place, const LeasesAhead& leases);

// A read-only file system, or a folder that cannot be changed (chattr(1)).
void require_writable_folder(const FilePlace& place);

void require_changeable(const CapturedFile& file, const UniqueFd& present);

} // namespace cedana
