// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/job_place.hpp"

#include "cedana/base/mounts.hpp"

#include <algorithm>

namespace cedana {

bool is_in_space_of_job(std::string_view mountinfo) {
    return std::ranges::any_of(parse_mounts(mountinfo),
                               [](const Mount& mount) { return mount.path == k_job_folder && mount.type == "tmpfs"; });
}

} // namespace cedana
