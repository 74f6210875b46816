// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/losses.hpp"
#include "cedana/facts/refusal.hpp"

#include <array>
#include <csignal>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "kernel_compare.hpp"

namespace cedana {

namespace {

// A thread can leave each of them by itself (unshare(2), setns(2)); user namespaces it cannot.
constexpr auto k_thread_namespaces =
    std::to_array<const char*>({"cgroup", "ipc", "mnt", "net", "pid_for_children", "time_for_children", "uts"});

// "threads 43, 44 and 7 more"
std::string threads_text(const std::vector<pid_t>& threads) {
    constexpr std::size_t k_most_named = 3;
    const std::vector<pid_t> named(
        threads.begin(), threads.begin() + static_cast<std::ptrdiff_t>(std::min(threads.size(), k_most_named)));
    return fmt::format("{} {}{}", threads.size() == 1 ? "thread" : "threads", fmt::join(named, ", "),
                       threads.size() > named.size() ? fmt::format(" and {} more", threads.size() - named.size())
                                                     : std::string());
}

std::vector<pid_t> threads_that(const TreeProcess& process, const std::function<bool(pid_t)>& differs) {
    std::vector<pid_t> found;
    for (const pid_t thread : process.threads)
        if (thread != process.pid() && differs(thread))
            found.push_back(thread);
    return found;
}

void add_namespaces(std::vector<std::string>& losses, const Procfs& procfs, const TreeProcess& process) {
    for (const char* const kind : k_thread_namespaces) {
        const auto own = procfs.link(process.pid(), fmt::format("ns/{}", kind).c_str());
        const std::vector<pid_t> others = threads_that(process, [&](pid_t thread) {
            const auto link = procfs.link(process.pid(), fmt::format("task/{}/ns/{}", thread, kind).c_str());
            return own && link && *link != *own;
        });
        if (!others.empty())
            losses.push_back(fmt::format("the namespace of its own ({}) that {} of {} has: it gets that of the process",
                                         kind, threads_text(others), described(process.stat)));
    }
}

void add_unshared(std::vector<std::string>& losses, const TreeProcess& process) {
    const auto add = [&](Common what, const char* text) {
        const std::vector<pid_t> others = threads_that(
            process, [&](pid_t thread) { return compare_common(process.pid(), thread, what).value_or(0) != 0; });
        if (!others.empty())
            losses.push_back(fmt::format("the {} of its own that {} of {} has (unshare): it gets those of the process",
                                         text, threads_text(others), described(process.stat)));
    };
    add(Common::folders, "root, working folder and umask");
    add(Common::descriptors, "table of descriptors");
}

// CRIU starts each process by SIGCHLD (criu/cr-restore.c, fork_with_pid). Of the root nobody asks it: its parent is
// another one then.
void add_end_signal(std::vector<std::string>& losses, const ProcessTree& tree, const TreeProcess& process) {
    const int signal = process.stat.end_signal;
    if (process.pid() == tree.root().pid() || signal == SIGCHLD)
        return;
    losses.push_back(fmt::format("that {} sends {} when it ends (clone): it sends SIGCHLD", described(process.stat),
                                 signal == 0 ? std::string("no signal") : fmt::format("signal {}", signal)));
}

} // namespace

std::vector<std::string> find_lost_sharing(const Procfs& procfs, const ProcessTree& tree) {
    std::vector<std::string> losses;
    for (const TreeProcess& process : tree.processes) {
        add_end_signal(losses, tree, process);
        if (process.threads.size() < 2 || process.stat.is_zombie())
            continue;
        add_namespaces(losses, procfs, process);
        add_unshared(losses, process);
    }
    return losses;
}

} // namespace cedana
