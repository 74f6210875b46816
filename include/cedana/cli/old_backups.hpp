// SPDX-License-Identifier: Apache-2.0
// --backups AGE of `prune` and `check --clean`: what restores kept beside files that they put back, once it is old.
#pragma once

#include "cedana/cli/commands.hpp"
#include "cedana/files/backups.hpp"
#include "cedana/store/prune.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

[[nodiscard]] Option backups_option(std::string& age);

// Those that are older; empty `age`: none. They are removed unless it is a dry run; `why` tells of what stays. Throws
// Error(Fault::usage) for what is no age, Error(Fault::permission) for a user behind sudo who may not remove them.
[[nodiscard]] std::vector<Backup> prune_backups(const std::string& age, const LoadedConfig& config, Pruning pruning);

// [{backup, created, size, removed, reason}]
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<Backup>& backups, Pruning pruning);

} // namespace cedana
