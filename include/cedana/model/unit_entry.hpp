// SPDX-License-Identifier: Apache-2.0
// What systemd takes away as a unit stops, and makes empty as it starts: folders below /run (RuntimeDirectory=), the
// pid file (PIDFile=) and a /tmp of its own (PrivateTmp=). A checkpoint has what was in them, whether it was open or
// not: regular files among its captured ones, and the rest as such entries.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana {

// "unit-entries": the feature of a checkpoint whose restore must make them.
inline constexpr std::string_view k_unit_entries = "unit-entries";

enum class UnitEntryKind { folder, link, fifo };

struct UnitEntry {
    UnitEntryKind kind = UnitEntryKind::folder;
    // As the tree sees it; a folder comes before what is in it.
    std::string path = {};
    // Of a link.
    std::string target = {};
    // In a folder that the unit has for itself: among other mounts this path leads to what is everybody's.
    bool is_private = false;
    mode_t mode = 0;
    uid_t owner = 0;
    gid_t group = 0;
    friend bool operator==(const UnitEntry&, const UnitEntry&) = default;
};

// Whether a path leads into one of the private folders among them.
[[nodiscard]] bool is_in_private_folder(const std::vector<UnitEntry>& entries, std::string_view path);

} // namespace cedana
