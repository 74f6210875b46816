// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/find.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/command_words.hpp"
#include "cedana/process/procfs.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// For comparisons of scores, which are quotients.
constexpr double k_rounding = 1e-9;

struct Seen {
    ProcessStat stat;
    std::string executable;
    std::vector<std::string> arguments;
    NameMatch match;
};

Seen look_at(const Procfs& procfs, ProcessStat stat, const NameScore& score) {
    Seen seen{.stat = std::move(stat), .executable = {}, .arguments = {}, .match = {}};
    seen.executable = without_deleted(procfs.link(seen.stat.pid, "exe").value_or(""));
    seen.arguments = procfs.command_line(seen.stat.pid);
    seen.match = score.of(seen.stat.comm, seen.executable, seen.arguments);
    return seen;
}

std::vector<Seen> look_at_some(const Procfs& procfs, std::span<const pid_t> pids, const NameScore& score) {
    std::vector<Seen> seen;
    seen.reserve(pids.size());
    for (const pid_t pid : pids) {
        auto stat = procfs.stat(pid);
        if (stat && !stat->is_kernel_thread() && !stat->is_zombie())
            seen.push_back(look_at(procfs, std::move(*stat), score));
    }
    return seen;
}

// The time goes into system calls, so that on a host with many processes a thread for each core is worth it.
std::vector<Seen> look_at_all(const Procfs& procfs, const NameScore& score) {
    constexpr std::size_t k_least_share = 1000;
    const std::vector<pid_t> pids = procfs.pids();
    const std::size_t share = std::max(k_least_share, pids.size() / core_count() + 1);
    std::vector<std::vector<Seen>> parts((pids.size() + share - 1) / share);
    parallel(parts.size(), core_count(), [&](std::size_t part, const auto&) {
        const auto some = std::span(pids).subspan(part * share);
        parts[part] = look_at_some(procfs, some.first(std::min(share, some.size())), score);
    });
    std::vector<Seen> all;
    for (auto& part : parts)
        std::ranges::move(part, std::back_inserter(all));
    return all;
}

// What ran at one look, kernel threads and zombies left out.
class Host {
  public:
    Host(const Procfs& procfs, const NameScore& score) : all_(look_at_all(procfs, score)) {}

    [[nodiscard]] const std::vector<Seen>& all() const noexcept { return all_; }
    [[nodiscard]] const Seen* find(pid_t pid) const {
        const auto at = std::lower_bound(all_.begin(), all_.end(), pid,
                                         [](const Seen& one, pid_t other) { return one.stat.pid < other; });
        return at != all_.end() && at->stat.pid == pid ? &*at : nullptr;
    }
    [[nodiscard]] const Seen* parent(pid_t pid) const {
        const Seen* process = find(pid);
        return process == nullptr || process->stat.parent == pid ? nullptr : find(process->stat.parent);
    }
    [[nodiscard]] bool is_ancestor(pid_t ancestor, pid_t pid) const {
        // The count ends a circle, which pids that are reused while they are read can form.
        std::size_t steps = 0;
        for (const Seen* up = parent(pid); up != nullptr && ++steps <= all_.size(); up = parent(up->stat.pid))
            if (up->stat.pid == ancestor)
                return true;
        return false;
    }

  private:
    std::vector<Seen> all_;
};

bool runs(const Seen& process, std::string_view program) {
    const auto words = command_words(process.arguments);
    return std::find(words.begin(), words.end(), program) != words.end();
}

// Pid 1, cedana and its ancestors; other cedana processes and the sudo or shell that was told to start them,
// since the name stands on those command lines too.
std::set<pid_t> never_meant(const Procfs& procfs, const Host& host, pid_t self) {
    std::set<pid_t> pids = {1, self};
    for (const pid_t ancestor : procfs.ancestors(self))
        pids.insert(ancestor);
    const std::string executable = procfs.executable(self).value_or("").string();
    if (executable.empty())
        return pids;
    for (const Seen& process : host.all()) {
        if (process.executable != executable)
            continue;
        pids.insert(process.stat.pid);
        const Seen* up = host.parent(process.stat.pid);
        while (up != nullptr && runs(*up, base_name(executable)) && pids.insert(up->stat.pid).second)
            up = host.parent(up->stat.pid);
    }
    return pids;
}

using Candidates = std::map<pid_t, Candidate>;

Candidate candidate_of(const Seen& process, const NameMatch& match) {
    return {.id = {.pid = process.stat.pid, .start_time = process.stat.start_time},
            .match = match,
            .comm = process.stat.comm,
            .command_line = fmt::format("{}", fmt::join(process.arguments, " ")),
            .represents = {}};
}

Candidates candidates_of(const Host& host, const std::set<pid_t>& excluded) {
    Candidates candidates;
    for (const Seen& process : host.all())
        if (process.match.score > 0 && !excluded.contains(process.stat.pid))
            candidates.emplace(process.stat.pid, candidate_of(process, process.match));
    return candidates;
}

// Moves `pid` out of the candidates and into what `into` represents.
void absorb(Candidates& candidates, pid_t pid, Candidate& into) {
    const auto found = candidates.find(pid);
    into.represents.push_back(pid);
    into.represents.insert(into.represents.end(), found->second.represents.begin(), found->second.represents.end());
    candidates.erase(found);
}

bool better(const NameMatch& one, const NameMatch& other) {
    const auto rank = [](const NameMatch& match) {
        return std::tuple(match.fit, match.score, match.kind != MatchKind::words);
    };
    return rank(one) > rank(other);
}

// The nearest ancestor that matches at least as well, or null.
Candidate* fit_ancestor(const Host& host, Candidates& candidates, const Candidate& candidate) {
    std::size_t steps = 0;
    for (const Seen* up = host.parent(candidate.id.pid); up != nullptr && ++steps <= host.all().size();
         up = host.parent(up->stat.pid)) {
        const auto found = candidates.find(up->stat.pid);
        if (found != candidates.end() && !better(candidate.match, found->second.match))
            return &found->second;
    }
    return nullptr;
}

void let_ancestors_stand_for_descendants(const Host& host, Candidates& candidates) {
    for (auto next = candidates.begin(); next != candidates.end();) {
        const auto candidate = next++;
        if (Candidate* ancestor = fit_ancestor(host, candidates, candidate->second))
            absorb(candidates, candidate->first, *ancestor);
    }
}

// The parent of `child`, if it may stand for it and its equals. One process group means that they were
// started together as one job: a shell or a service manager that a user did not mean puts each job of its own
// into a group of its own.
const Seen* parent_of_one_job(const Host& host, const std::set<pid_t>& excluded, pid_t child) {
    const Seen* parent = host.parent(child);
    if (parent == nullptr || excluded.contains(parent->stat.pid))
        return nullptr;
    return parent->stat.process_group == host.find(child)->stat.process_group ? parent : nullptr;
}

// Two or more equal children become their parent. False if there were none.
bool let_a_parent_stand_for_equals(const Host& host, const std::set<pid_t>& excluded, Candidates& candidates) {
    std::map<std::tuple<pid_t, Fit, double>, std::vector<pid_t>> families;
    for (const auto& [pid, candidate] : candidates)
        if (candidate.match.score >= k_least_score - k_rounding)
            if (const Seen* parent = parent_of_one_job(host, excluded, pid))
                families[{parent->stat.pid, candidate.match.fit, candidate.match.score}].push_back(pid);
    const auto family =
        std::find_if(families.rbegin(), families.rend(), [](const auto& one) { return one.second.size() > 1; });
    if (family == families.rend())
        return false;

    const auto& [key, children] = *family;
    const pid_t parent_pid = std::get<pid_t>(key);
    Candidate parent = candidate_of(*host.find(parent_pid), candidates.at(children.front()).match);
    parent.match.fit = Fit::near;
    for (const pid_t child : children)
        absorb(candidates, child, parent);
    candidates.insert_or_assign(parent_pid, std::move(parent));
    return true;
}

bool too_close(const NameMatch& best, const NameMatch& other) {
    if (best.fit == Fit::near)
        return best.score - other.score < k_least_lead - k_rounding;
    return other.fit == Fit::near ? other.score > 1 - k_rounding : other.fit == best.fit;
}

void decide(const Host& host, FindResult& result) {
    if (result.candidates.empty() || result.candidates.front().match.score < k_least_score - k_rounding)
        return;
    const Candidate& best = result.candidates.front();
    for (auto other = result.candidates.begin() + 1; other != result.candidates.end(); ++other) {
        const bool same_tree =
            host.is_ancestor(best.id.pid, other->id.pid) || host.is_ancestor(other->id.pid, best.id.pid);
        if (!same_tree && too_close(best.match, other->match))
            result.rivals.push_back(*other);
    }
    if (result.rivals.empty())
        result.winner = best;
}

std::string described(const Candidate& candidate) {
    constexpr std::size_t k_longest = 60;
    std::string line = candidate.command_line.empty() ? candidate.comm : candidate.command_line;
    if (line.size() > k_longest)
        line = line.substr(0, k_longest) + "...";
    const std::string how_well =
        candidate.match.fit == Fit::near ? fmt::format("score {:.2f}", candidate.match.score) : "exact";
    return fmt::format("process {} ({}, {})", candidate.id.pid, printable(line), how_well);
}

std::string hint_of(const Candidate& candidate) {
    return fmt::format("if {} (process {}) is meant, give its pid: {}", printable(candidate.comm), candidate.id.pid,
                       candidate.id.pid);
}

Error ambiguous(const FindResult& result) {
    const Candidate& best = result.candidates.front();
    Error error(Fault::no_process, fmt::format("'{}' may mean {} or {}", printable(result.name), described(best),
                                               described(result.rivals.front())));
    if (result.rivals.size() > 1)
        error.cause(fmt::format("{} processes match it about as well", result.rivals.size() + 1));
    return error.hint(hint_of(best));
}

Error nothing_similar(const FindResult& result) {
    Error error(Fault::no_process, fmt::format("no process is called '{}'", printable(result.name)));
    if (result.candidates.empty())
        return error.hint("list what runs with: ps -e, and jobs with: cedana client ps");
    const Candidate& best = result.candidates.front();
    return error.cause("the closest is " + described(best)).hint(hint_of(best));
}

Error only_similar(const FindResult& result) {
    const Candidate& best = *result.winner;
    return Error(Fault::no_process, fmt::format("no process is called '{}'", printable(result.name)))
        .cause(fmt::format("{} is only similar, and what is only similar is neither ended nor sent a signal",
                           described(best)))
        .hint(hint_of(best));
}

} // namespace

FindResult find_by_name(const Procfs& procfs, std::string_view name, pid_t self) {
    const Host host(procfs, NameScore(name));
    const std::set<pid_t> excluded = never_meant(procfs, host, self);
    Candidates candidates = candidates_of(host, excluded);
    do
        let_ancestors_stand_for_descendants(host, candidates);
    while (let_a_parent_stand_for_equals(host, excluded, candidates));

    FindResult result{.name = std::string(name), .candidates = {}, .winner = std::nullopt, .rivals = {}};
    for (auto& [pid, candidate] : candidates)
        result.candidates.push_back(std::move(candidate));
    std::stable_sort(result.candidates.begin(), result.candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return better(a.match, b.match); });
    decide(host, result);
    return result;
}

const Candidate& choose(const FindResult& result, Purpose purpose) {
    if (!result.winner)
        throw result.rivals.empty() ? nothing_similar(result) : ambiguous(result);
    if (purpose == Purpose::end_or_signal && result.winner->match.fit == Fit::near)
        throw only_similar(result);
    return *result.winner;
}

} // namespace cedana
