// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/process_tree.hpp"

#include "cedana/base/text.hpp"

#include <map>
#include <set>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

struct Pending {
    const ManifestProcess* process;
    // Before its own children's lines.
    std::string above;
    std::string branches;
};

} // namespace

std::vector<TreeLine> draw_tree(const std::vector<ManifestProcess>& tree) {
    std::set<pid_t> pids;
    for (const ManifestProcess& process : tree)
        pids.insert(process.pid);
    std::map<pid_t, std::vector<const ManifestProcess*>> children;
    std::vector<Pending> stack;
    for (const ManifestProcess& process : tree)
        if (&process != &tree.front() && pids.contains(process.parent) && process.parent != process.pid)
            children[process.parent].push_back(&process);
        else
            stack.insert(stack.begin(), {.process = &process, .above = "", .branches = ""});
    std::vector<TreeLine> lines;
    while (!stack.empty()) {
        const Pending next = stack.back();
        stack.pop_back();
        lines.push_back({.branches = next.branches, .process = next.process});
        // Taken, so that a circle in a strange manifest ends.
        const auto own = children.extract(next.process->pid);
        if (own.empty())
            continue;
        for (std::size_t i = own.mapped().size(); i-- > 0;) {
            const bool last = i + 1 == own.mapped().size();
            stack.push_back({.process = own.mapped()[i],
                             .above = next.above + (last ? "   " : "│  "),
                             .branches = next.above + (last ? "└─ " : "├─ ")});
        }
    }
    return lines;
}

std::string command_of(const ManifestProcess& process) {
    return printable(process.command_line.empty() ? fmt::format("[{}]", process.comm)
                                                  : fmt::format("{}", fmt::join(process.command_line, " ")));
}

} // namespace cedana
