// SPDX-License-Identifier: Apache-2.0
// The program's log: spdlog to stderr, so that stdout carries results alone. Use spdlog's functions directly.
#pragma once

namespace cedana {

enum class Verbosity { quiet, normal, verbose };

// Call once, in main. Lines read "warning: …"; informational lines only appear when verbose.
void set_up_log(Verbosity verbosity);

} // namespace cedana
