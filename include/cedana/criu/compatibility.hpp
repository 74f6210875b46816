// SPDX-License-Identifier: Apache-2.0
// Releases of CRIU that pass their own check on a kernel and then fail on it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cedana::criu {

struct KnownFlaw {
    // What goes wrong.
    std::string_view consequence;
    // The first release of CRIU without it.
    std::string_view mended_in;
};

// `criu_version`: "4.1.1"; `kernel_release`: as uname(2) has it, "6.18.0-generic". Absent if none is known, or if one
// of the two is not understood.
[[nodiscard]] std::optional<KnownFlaw> known_flaw(std::string_view criu_version, std::string_view kernel_release);

} // namespace cedana::criu
