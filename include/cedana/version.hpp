// SPDX-License-Identifier: Apache-2.0
// The version of this program, from the build.
#pragma once

namespace cedana {

inline constexpr const char* k_version = CEDANA_VERSION;

} // namespace cedana
