// SPDX-License-Identifier: Apache-2.0
// What most refusals of an open file advise.
#pragma once

namespace cedana {

// Of what a program can close itself before it is dumped.
inline constexpr const char* k_close_hint =
    "close it before the dump, for instance in the program's handler of SIGUSR1 "
    "(client.signal_process_pre_dump)";

} // namespace cedana
