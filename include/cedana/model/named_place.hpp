// SPDX-License-Identifier: Apache-2.0
// A folder or a link that goes with a tree beside files (model/captured_file.hpp): what is made where it is missing.
#pragma once

#include "cedana/base/extended_attributes.hpp"

#include <string>

#include <sys/types.h>

namespace cedana {

struct NamedPlace {
    // Absolute, without links; any bytes but zero.
    std::string path = {};
    // Of a link: where it leads. Empty: a folder.
    std::string leads_to = {};
    // Permissions, without the type.
    mode_t mode = 0;
    uid_t owner = 0;
    gid_t group = 0;
    // Of a folder.
    ExtendedAttributes extended_attributes = {};

    [[nodiscard]] bool is_link() const noexcept { return !leads_to.empty(); }
    bool operator==(const NamedPlace&) const = default;
};

} // namespace cedana
