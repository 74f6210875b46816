// SPDX-License-Identifier: Apache-2.0
#include "cedana/store/retention.hpp"

#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace cedana {

namespace {

// Views of what a catalog holds.
using Program = std::tuple<std::string_view, std::string_view, std::string_view>;

// Of programs that an interpreter runs the name alone is that of the interpreter.
class Programs {
  public:
    // Of checkpoints, newest first.
    Program program_of(const CheckpointSummary& one) {
        // A process may change its command line (setproctitle), and stays the program that it is.
        const auto process = processes_.try_emplace({one.host, one.name, one.pid, one.start_time}, one.command_line);
        return {one.host, one.name, process.first->second};
    }

  private:
    std::map<std::tuple<std::string_view, std::string_view, pid_t, std::uint64_t>, std::string_view> processes_;
};

} // namespace

std::vector<RetentionGroup> apply(const RetentionRules& rules, const std::vector<CatalogEntry>& catalog,
                                  std::chrono::system_clock::time_point now) {
    Programs programs;
    std::map<Program, RetentionGroup> groups;
    const std::chrono::hours young(24 * rules.keep_days);
    for (const CatalogEntry& entry : catalog) {
        if (!entry.summary)
            continue;
        RetentionGroup& group = groups[programs.program_of(*entry.summary)];
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
