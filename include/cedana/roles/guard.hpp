// SPDX-License-Identifier: Apache-2.0
// A process between cedana and the CRIU of a restore. When CRIU is killed amid of it, what it has begun waits for it
// for ever; cedana ends that, but may have been killed too. The guard adopts it all (PR_SET_CHILD_SUBREAPER, prctl(2)),
// so that it ends its own children alone and never a process found by a pid. It is this program again, in another role.
#pragma once

#include "cedana/base/child_process.hpp"

#include <filesystem>

namespace cedana::criu {

// The environment variable whose presence makes main() a guard: the number of the descriptor that a job holds
// (command.hpp), which the guard holds until it ends, too; -1: none.
inline constexpr const char* k_restore_guard = "CEDANA_RESTORE_GUARD";

// `program`: this one. `criu`: as it would be spawned without a guard; `held`: as above.
[[nodiscard]] SpawnRequest guarded(SpawnRequest criu, const std::string& program, int held);

// What main() does as one. Ends as CRIU ended, told as a shell tells it, when nothing of a failed restore is left.
// SIGTERM ends CRIU.
[[nodiscard]] int run_restore_guard(char** argv);

// Ends every child of this process, which must be a subreaper, unless CRIU has brought the tree back: by the way it
// ended or, if it was killed afterwards, by its log.
void end_unfinished(const ExitStatus& criu, const std::filesystem::path& log);

} // namespace cedana::criu
