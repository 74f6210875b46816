// SPDX-License-Identifier: Apache-2.0
// Who of those that have a name keeps it, and what is to be done about it.
#pragma once

#include "cedana/process/socket_holders.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

// The first that does not leave; rather one that can be seen.
[[nodiscard]] std::optional<SocketHolder> living_holder(const std::vector<SocketHolder>& holders,
                                                        const std::set<pid_t>& leaving);

[[nodiscard]] std::string hint_to_end(const SocketHolder& holder);

} // namespace cedana
