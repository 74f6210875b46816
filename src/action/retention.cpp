// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/retention.hpp"

#include <map>
#include <string>
#include <utility>

namespace cedana {

std::vector<RetentionGroup> apply(const RetentionRules& rules, const std::vector<CatalogEntry>& catalog,
                                  std::chrono::system_clock::time_point now) {
    std::map<std::pair<std::string, std::string>, RetentionGroup> groups;
    const std::chrono::hours young(24 * rules.keep_days);
    for (const CatalogEntry& entry : catalog) {
        if (!entry.summary)
            continue;
        RetentionGroup& group = groups[{entry.summary->host, entry.summary->name}];
        const bool by_count = std::cmp_less(group.kept.size() + group.surplus.size(), rules.keep_last);
        const bool by_age = rules.keep_days > 0 && now - entry.when < young;
        const bool keeps = !rules.any() || by_count || by_age || group.kept.empty();
        (keeps ? group.kept : group.surplus).push_back(entry);
    }
    std::vector<RetentionGroup> found;
    for (auto& [key, group] : groups)
        found.push_back(std::move(group));
    return found;
}

} // namespace cedana
