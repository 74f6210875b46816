// SPDX-License-Identifier: Apache-2.0
// A file that a tree has open, whose name was removed while it has others: CRIU gives it one more, link_remap.N, for
// the time until the restore, or until the tree runs on.
#pragma once

#include <string>

namespace cedana {

struct LinkRemap {
    // The name that it lost.
    std::string lost = {};
    // The one that CRIU gave it.
    std::string link = {};
    // Where the tree ran on, CRIU has taken that one away: another name of the file, from which it is made anew. Empty
    // if it waits for the restore, or is one of the files that are put back.
    std::string name = {};
    // Where the tree has stopped, the one under which the file waits, since CRIU numbers its own alike for each dump:
    // another tree that lost a name in that folder could not be dumped meanwhile. Empty where it has that of CRIU.
    std::string waits = {};

    bool operator==(const LinkRemap&) const = default;
};

// "link_remap.12" (criu/files-reg.c), or one under which such a file waits: "link_remap.12.5f3759df1a2b3c4d".
[[nodiscard]] bool is_remap_name(const std::string& name);

} // namespace cedana
