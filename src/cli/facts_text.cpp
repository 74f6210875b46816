// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/facts_text.hpp"

#include "cedana/base/text.hpp"
#include "cedana/checkpoint/compare.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr std::size_t k_most_named = 20;

std::string left_out(std::uint64_t count) {
    return count == 0 ? std::string() : fmt::format(" (and {} that are not listed)", count);
}

// "12 file, 3 socket"
std::string counted(const std::map<std::string, std::size_t>& counts) {
    std::vector<std::string> texts;
    for (const auto& [name, count] : counts)
        texts.push_back(fmt::format("{} {}", count, name));
    return fmt::format("{}", fmt::join(texts, ", "));
}

void add_first(std::vector<std::string>& lines, const std::set<std::string>& all) {
    std::size_t named = 0;
    for (const std::string& one : all)
        if (++named <= k_most_named)
            lines.push_back(one);
    if (all.size() > k_most_named)
        lines.push_back(fmt::format("and {} more", all.size() - k_most_named));
}

// What every other program has open.
bool is_common(const RecordedDescriptor& open) {
    constexpr std::array<std::string_view, 4> k_common = {"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"};
    return std::ranges::find(k_common, open.target) != k_common.end();
}

bool is_worth_naming(const RecordedDescriptor& open) {
    const OpenKind kind = open.kind;
    return kind == OpenKind::io_uring || kind == OpenKind::terminal || (kind == OpenKind::device && !is_common(open));
}

void add_sockets(std::vector<std::string>& lines, const RecordedFacts& facts) {
    const std::size_t named = std::min(facts.sockets.size(), k_most_named);
    for (std::size_t i = 0; i < named; ++i)
        lines.push_back(fmt::format("socket: {}", printable(text_of(facts.sockets[i]))));
    if (const std::uint64_t more = facts.sockets.size() - named + facts.sockets_left_out; more != 0)
        lines.push_back(fmt::format("and {} more sockets", more));
}

} // namespace

std::vector<std::string> open_lines(const RecordedFacts& facts) {
    std::map<std::string, std::size_t> kinds;
    std::uint64_t more = 0;
    std::set<std::string> notable;
    for (const RecordedProcess& process : facts.processes) {
        more += process.descriptors_left_out;
        for (const RecordedDescriptor& open : process.descriptors) {
            ++kinds[std::string(name_of(open.kind))];
            const std::string target = printable(open.target);
            if (open.names == 0U)
                notable.insert(fmt::format("deleted: {}", target));
            else if (open.names.value_or(1) > 1)
                notable.insert(fmt::format("has {} names: {}", *open.names, target));
            for (const std::string& lock : open.locks)
                notable.insert(fmt::format("locked ({}): {}", printable(lock), target));
            if (is_worth_naming(open))
                notable.insert(fmt::format("{}: {}", name_of(open.kind), target));
        }
    }
    std::vector<std::string> lines = {fmt::format("open, by kind: {}{}", counted(kinds), left_out(more))};
    add_first(lines, notable);
    return lines;
}

std::vector<std::string> place_lines(const RecordedFacts& facts) {
    std::set<std::string> places;
    for (const RecordedProcess& process : facts.processes) {
        for (const std::string& one : process.namespaces)
            places.insert("namespace of its own: " + printable(one));
        for (const std::string& one : process.cgroups)
            places.insert("cgroup: " + printable(one));
        if (process.tracer != 0)
            places.insert(fmt::format("process {} is traced by process {}", process.pid, process.tracer));
        if (process.seccomp != 0)
            places.insert(fmt::format("process {} runs under seccomp", process.pid));
        if (process.timers != 0)
            places.insert(fmt::format("process {} has {} timers", process.pid, process.timers));
    }
    std::vector<std::string> lines;
    add_first(lines, places);
    return lines;
}

std::vector<std::string> facts_lines(const RecordedFacts& facts) {
    std::vector<std::string> lines;
    if (!facts.processes.empty()) {
        const RecordedProcess& root = facts.processes.front();
        lines.push_back(fmt::format("session {}, {}", root.session,
                                    root.terminal.empty() ? "no terminal" : "terminal " + printable(root.terminal)));
    }
    std::ranges::move(open_lines(facts), std::back_inserter(lines));
    add_sockets(lines, facts);
    const auto written = std::ranges::count_if(facts.mapped, &RecordedMapping::written);
    lines.push_back(fmt::format("mapped: {} files, {} of them written to{}", facts.mapped.size(), written,
                                left_out(facts.mapped_left_out)));
    std::ranges::move(place_lines(facts), std::back_inserter(lines));
    return lines;
}

} // namespace cedana
