// SPDX-License-Identifier: Apache-2.0
// A process between cedana and the CRIU of a restore: the program that cedana carries along (criu/guard_words.hpp) or,
// where that cannot do it, the role `guard`. When CRIU is killed amid of it, what it has begun waits for it for ever;
// cedana ends that, but may have been killed too. The guard adopts it all, so that it ends its own children alone and
// never a process found by a pid.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/roles/role.hpp"

#include <filesystem>
#include <string>

namespace cedana::roles {

// What a key of its terminal (Ctrl-Z) stops. continued: the command that waits for CRIU does not stop by it, so nobody
// would continue CRIU, which does.
enum class KeyStops { left, continued };

// `criu`: as it would be spawned without a guard. `held`: a descriptor that the guard holds until it ends, too
// (criu/command.hpp); -1: none. `root`: as in CommandPlan. The guard ends as CRIU ended, told as a shell tells it, when
// nothing of a failed restore is left. SIGTERM ends CRIU. The program is found by a link in the folder of the log.
// Throws Error.
[[nodiscard]] ChildProcess start_guarded(const SpawnRequest& criu, const std::filesystem::path& log, int held,
                                         const std::string& root = {}, KeyStops stops = KeyStops::left);

[[nodiscard]] Role guard();

// Ends every child of this process, which must be a subreaper, unless CRIU has brought the tree back: by the way it
// ended or, if it was killed afterwards, by its log.
void end_unfinished(const ExitStatus& criu, const std::filesystem::path& log);

} // namespace cedana::roles
