// SPDX-License-Identifier: Apache-2.0
// The mounts that a process sees: /proc/PID/mountinfo, see proc(5). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cedana {

struct Mount {
    int id = 0;
    // "254:0"
    std::string device = {};
    // As the process sees it.
    std::string path = {};
    // "ext4"
    std::string type = {};
};

[[nodiscard]] std::vector<Mount> parse_mounts(std::string_view content);

// The kernel makes up what is in it: nothing there is kept.
[[nodiscard]] bool is_made_up(const Mount& mount);

} // namespace cedana
