// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/passing_terminal.hpp"

#include "cedana/process/pseudo_terminal.hpp"

#include <algorithm>
#include <array>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>

namespace cedana {

namespace {

// A shell with jobs is started by exec, whoever started it. sudo forks its monitor, which leads the session of the
// command (src/exec_pty.c of sudo; sudo-rs does the same).
bool is_fork_of(const Procfs& procfs, const ProcessStat& leader, const ProcessStat& maker) {
    const auto program = procfs.executable(leader.pid);
    return program && program == procfs.executable(maker.pid) && leader.terminal != maker.terminal;
}

// The one command that the leader runs, of which this process is a part; absent if it is none.
std::optional<ProcessStat> command_of(const Procfs& procfs, const ProcessStat& leader, const ProcessStat& process) {
    std::vector<pid_t> line = procfs.ancestors(process.pid);
    line.insert(line.begin(), process.pid);
    const auto found = std::ranges::find(line, leader.pid);
    return found == line.begin() || found == line.end() ? std::nullopt : procfs.stat(*std::prev(found));
}

// A shell gives each job a process group of its own (tcsetpgrp(3)); who has none ends with whoever leads.
bool is_job(const Procfs& procfs, const ProcessStat& process, const ProcessStat& leader, bool leader_is_fork) {
    if (process.process_group == leader.process_group)
        return false;
    const auto command = leader_is_fork ? command_of(procfs, leader, process) : std::nullopt;
    return !command || command->process_group != process.process_group;
}

bool is_that(const struct ::stat& info, const HeldTerminal& terminal) {
    return S_ISCHR(info.st_mode) && info.st_rdev == terminal.device;
}

UniqueFd open_if_that(const std::string& path, const HeldTerminal& terminal) {
    struct ::stat info {};
    // What is none must not be opened: to open is an event to a FIFO or a tape.
    if (::stat(path.c_str(), &info) != 0 || !is_that(info, terminal))
        return {};
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    return fd && ::fstat(fd.get(), &info) == 0 && is_that(info, terminal) ? std::move(fd) : UniqueFd();
}

} // namespace

std::optional<PassingTerminal> find_passing_terminal(const Procfs& procfs, pid_t pid) {
    const auto process = procfs.stat(pid);
    const auto leader = process && process->terminal != 0 ? procfs.stat(process->session) : std::nullopt;
    if (!leader)
        return std::nullopt;
    const auto maker = procfs.stat(leader->parent);
    const bool is_fork = maker && is_fork_of(procfs, *leader, *maker);
    if (is_job(procfs, *process, *leader, is_fork))
        return std::nullopt;
    PassingTerminal passing{.maker = maker ? maker->comm : ""};
    // A terminal emulator that was started beside a shell is not what that shell's user looks at.
    if (maker && maker->terminal != 0 && maker->terminal != process->terminal &&
        (is_fork || maker->foreground_group == maker->process_group)) {
        const auto again = find_passing_terminal(procfs, maker->pid);
        passing.beyond = again ? again->beyond : HeldTerminal{.device = maker->terminal, .pid = maker->pid};
    } else if (leader->pid != pid) {
        // A script leads, and may go on.
        passing.beyond = {.device = process->terminal, .pid = leader->pid};
    }
    return passing;
}

std::vector<unsigned> passing_numbers(const Procfs& procfs, pid_t pid) {
    std::vector<unsigned> numbers;
    for (auto process = procfs.stat(pid); process;) {
        const auto passing = find_passing_terminal(procfs, process->pid);
        const auto number = pts_number(process->terminal);
        if (!passing || !number || (passing->beyond && passing->beyond->device == process->terminal))
            break;
        numbers.push_back(*number);
        const auto leader = procfs.stat(process->session);
        process = leader ? procfs.stat(leader->parent) : std::nullopt;
    }
    return numbers;
}

UniqueFd open_for_output(const Procfs& procfs, const HeldTerminal& terminal) {
    const auto holder = procfs.stat(terminal.pid);
    if (!holder || holder->terminal != terminal.device)
        return {};
    std::vector<std::string> paths;
    if (const auto number = pts_number(terminal.device))
        paths.push_back(fmt::format("/dev/pts/{}", *number));
    // Another mount namespace's, or a console's.
    for (const int fd : {0, 1, 2})
        paths.push_back(fmt::format("/proc/{}/fd/{}", terminal.pid, fd));
    for (const std::string& path : paths)
        if (UniqueFd opened = open_if_that(path, terminal))
            return opened;
    return {};
}

} // namespace cedana
