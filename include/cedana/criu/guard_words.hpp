// SPDX-License-Identifier: Apache-2.0
// How the program that cedana carries along (action_script.hpp) is told to stand between cedana and the CRIU of a
// restore. Its arguments: its name, k_guarding, and then, in this order, CRIU's log, the number of a descriptor that it
// holds until it ends, k_continues or k_leaves, and CRIU's own arguments, of which the first is the path of its
// program. CRIU gets the environment and each descriptor that the guard was started with but for that one, and the
// guard keeps no other than that and its standard error.
#pragma once

namespace cedana::criu {

inline constexpr const char* k_guarding = "guard";
// What a key of its terminal (SIGTSTP) stops goes on.
inline constexpr const char* k_continues = "continues";
inline constexpr const char* k_leaves = "leaves";
inline constexpr const char* k_name_of_guard = "cedana-guard";
// In CRIU's log once the tasks are let go (criu/cr-restore.c); what follows is a few lines.
inline constexpr const char* k_restored = "Restore finished successfully";
inline constexpr long k_end_of_log = 64L * 1024;

} // namespace cedana::criu
