// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/old_backups.hpp"

#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/output.hpp"

#include <chrono>

namespace cedana {

Option backups_option(std::string& age) {
    return {.names = {"--backups"},
            .value = "AGE",
            .meaning = "remove what restores kept as NAME.cedana-backup-DATETIME and is older than AGE: 15m, 2h, 30d",
            .target = &age};
}

std::vector<Backup> prune_backups(const std::string& age, const LoadedConfig& config, Pruning pruning) {
    const auto oldest = age_of(age, "--backups");
    if (!oldest)
        return {};
    require_place_of_caller(config, k_log_folder, "the record of backups");
    const BackupRecord record;
    std::vector<Backup> backups = record.made_before(std::chrono::system_clock::now() - *oldest);
    if (pruning == Pruning::real)
        record.remove(backups);
    return backups;
}

nlohmann::ordered_json to_json(const std::vector<Backup>& backups, Pruning pruning) {
    auto list = nlohmann::ordered_json::array();
    for (const Backup& one : backups)
        list.push_back({{"backup", one.path.string()},
                        {"created", utc_iso(one.made)},
                        {"size", one.bytes},
                        {"removed", one.why.empty() && pruning == Pruning::real},
                        {"reason", text_or_null(one.why)}});
    return list;
}

} // namespace cedana
