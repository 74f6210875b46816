// SPDX-License-Identifier: Apache-2.0
// The namespaces of a tree in which CRIU works, since it could not make them anew: systemd makes such for a unit
// (PrivateTmp=, ProtectSystem=), whose mounts follow those of the host. A restore brings the tree back among the mounts
// of whoever restores it.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/namespaces.hpp"
#include "cedana/process/procfs.hpp"

#include <string>
#include <vector>

namespace cedana {

// Kinds as in Namespaces: none, or "mnt" and what else must be entered with it. A mount of its root's namespace gets
// what is mounted in another one, and CRIU dumps none of those: "has unreachable sharing" (criu/mount.c,
// resolve_shared_mounts). None in a pid or a user namespace of its own, where CRIU could not work. `own`: of cedana.
[[nodiscard]] std::vector<std::string> entered_namespaces(const Procfs& procfs, const Holdings& root,
                                                          const Namespaces& own);

// Those of a CRIU that has entered these kinds of the root's.
[[nodiscard]] Namespaces namespaces_of_criu(const Namespaces& own, const Namespaces& root,
                                            const std::vector<std::string>& entered);

// To enter them (setns(2)). Throws Error(Fault::no_process) if the process has ended.
[[nodiscard]] std::vector<UniqueFd> open_namespaces(const Procfs& procfs, const ProcessHandle& process,
                                                    const std::vector<std::string>& kinds);

} // namespace cedana
