// SPDX-License-Identifier: Apache-2.0
// Room for many open files: the usual soft limit is 1024.
#pragma once

#include <cstddef>

namespace cedana {

// Raises the soft limit to the hard one if `wanted` descriptors beside a few hundred would not fit. Where that cannot
// be done, opening says so.
void make_room_for_descriptors(std::size_t wanted);

} // namespace cedana
