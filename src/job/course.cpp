// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/course.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace cedana::job {

std::optional<Restart> restart_of(std::string_view name) {
    constexpr std::array k_names = {std::pair("no", Restart::no), std::pair("on-abnormal", Restart::on_abnormal),
                                    std::pair("on-failure", Restart::on_failure), std::pair("always", Restart::always)};
    for (const auto& [text, restart] : k_names)
        if (name == text)
            return restart;
    return std::nullopt;
}

Choice choose(const std::vector<JobCheckpoint>& chain, const CourseRules& rules, bool has_lost_all) {
    for (std::size_t place = 0; place < chain.size(); ++place)
        if (!chain[place].damaged && chain[place].tries < rules.attempts)
            return {.kind = Choice::Kind::go_on, .place = place};
    const bool may_start = (chain.empty() && !has_lost_all) || rules.if_unrestorable == IfUnrestorable::start;
    return {.kind = may_start ? Choice::Kind::start : Choice::Kind::give_up};
}

AfterEnd after_end(const ProgramEnd& end, const CourseRules& rules, int restarts) {
    const bool is_wanted = rules.restart == Restart::always ||
                           (rules.restart == Restart::on_failure && !end.success()) ||
                           (rules.restart == Restart::on_abnormal && end.signal != 0);
    if (!is_wanted)
        return end.success() ? AfterEnd::done : AfterEnd::leave;
    return restarts < rules.max_restarts ? AfterEnd::wait : AfterEnd::fail;
}

std::chrono::milliseconds backoff_of(const CourseRules& rules, int restarts) {
    std::chrono::milliseconds wait = rules.backoff;
    for (int i = 0; i < restarts && wait < k_longest_backoff; ++i)
        wait *= 2;
    return std::min<std::chrono::milliseconds>(wait,
                                               std::max<std::chrono::milliseconds>(k_longest_backoff, rules.backoff));
}

void go_back_to(std::vector<JobCheckpoint>& chain, const std::string& file) {
    const auto found = std::ranges::find(chain, file, &JobCheckpoint::file);
    if (found != chain.end())
        chain.erase(chain.begin(), found);
    else
        chain.clear();
}

std::vector<std::string> take_surplus(std::vector<JobCheckpoint>& chain, std::size_t keep,
                                      const std::string& restored_from) {
    std::vector<std::string> files;
    for (std::size_t place = chain.size(); place-- > std::max<std::size_t>(keep, 1);) {
        if (chain[place].file == restored_from)
            continue;
        files.push_back(chain[place].file);
        chain.erase(chain.begin() + static_cast<std::ptrdiff_t>(place));
    }
    return files;
}

std::chrono::milliseconds interval_for(const DumpCost& cost, double percent) {
    constexpr std::chrono::minutes k_shortest{1};
    const double worth = 100.0 / percent;
    // The first ones came without anybody knowing what they cost, and some take longer than the one before.
    const double seconds = std::max(cost.last * worth, (cost.all + cost.last) * worth - cost.elapsed);
    return std::max<std::chrono::milliseconds>(k_shortest,
                                               std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
}

} // namespace cedana::job
