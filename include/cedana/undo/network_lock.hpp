// SPDX-License-Identifier: Apache-2.0
// How CRIU holds back the packets of connections between dump and restore: a table of nftables of its own, "CRIU-" and
// the id of its run (criu/netfilter.c). A dump whose tree is to stop leaves it there for the restore, which removes it;
// a CRIU that is killed leaves it too, and then it cuts off connections that live.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::criu {

// The table that the run with this log would make; absent if the log does not say which run it was.
[[nodiscard]] std::optional<std::string> network_lock_of(std::string_view log);

// The names of all tables of CRIU in this network namespace. Empty where there is no nftables.
[[nodiscard]] std::vector<std::string> network_locks();

// Deletes this table alone; false if there is none of this name. Throws Error when not permitted.
bool remove_network_lock(const std::string& table);

} // namespace cedana::criu
