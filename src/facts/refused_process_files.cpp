// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>

#include "close_hint.hpp"

namespace cedana {

namespace {

// Takes a pid and what ends it off the text; absent if it does not begin with one.
std::optional<pid_t> next_pid(std::string_view& text) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc() || pid <= 0)
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && text.front() != '/' && text.front() != ' ')
        return std::nullopt;
    text.remove_prefix(text.empty() ? 0 : 1);
    return pid;
}

// "/proc/42/task/43/stat"
struct ProcessFile {
    pid_t process = 0;
    std::optional<pid_t> thread = std::nullopt;
};

std::optional<ProcessFile> parse_process_file(std::string_view target) {
    constexpr std::string_view k_proc = "/proc/";
    constexpr std::string_view k_task = "task/";
    if (!target.starts_with(k_proc))
        return std::nullopt;
    target.remove_prefix(k_proc.size());
    const auto process = next_pid(target);
    if (!process)
        return std::nullopt;
    ProcessFile file{.process = *process};
    if (target.starts_with(k_task)) {
        target.remove_prefix(k_task.size());
        file.thread = next_pid(target);
    }
    return file;
}

bool is_in_inner_namespace(const TreeProcess& process) { return process.status.namespace_pids.size() > 1; }

// As the process itself sees it.
pid_t pid_inside(const TreeProcess& process) {
    return is_in_inner_namespace(process) ? process.status.namespace_pids.back() : process.pid();
}

// At a restore CRIU makes threads last of all, after files were opened (criu/pie/restorer.c), and for a process that is
// gone only its first one (criu/files-reg.c, dump_dead_process_remap): "Can't open file proc/42/task/43/stat".
bool names_thread(const Procfs& procfs, const TreeHoldings& tree, const TreeProcess& holder, const ProcessFile& file) {
    const auto is_it = [&](const Holdings& one) { return pid_inside(one.process) == file.process; };
    const bool of_tree = std::ranges::any_of(tree, is_it);
    if (file.thread)
        return *file.thread != file.process &&
               (of_tree || (!is_in_inner_namespace(holder) && !procfs.stat(file.process)));
    return !of_tree && !is_in_inner_namespace(holder) && std::ranges::any_of(tree, [&](const Holdings& one) {
        return std::ranges::count(one.process.threads, file.process) != 0;
    });
}

std::optional<Refusal> refuse_thread_file(const Procfs& procfs, const TreeHoldings& tree, const TreeProcess& process,
                                          const OpenFile& file) {
    const auto named = parse_process_file(file.target);
    if (!named || !names_thread(procfs, tree, process, *named))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence =
                       fmt::format("{} has {} of a thread open (descriptor {}), which CRIU could not open again "
                                   "at a restore, since threads come after files",
                                   described(process.stat), file.target, file.fd),
                   .hint = k_close_hint,
                   .program_can_help = true};
}

// criu/pidfd.c, dump_one_pidfd: "pidfd pid 1 is not a part of process tree", "PIDFD_THREAD flag is currently not
// supported".
std::optional<Refusal> refuse_pidfd(const Procfs& procfs, const ProcessTree& tree, const TreeProcess& process,
                                    const OpenFile& file) {
    constexpr pid_t k_reaped = -1;
    // PIDFD_THREAD, include/uapi/linux/pidfd.h
    constexpr unsigned k_of_thread = O_EXCL;
    if (!file.names_process)
        return std::nullopt;
    Refusal refusal{.pid = process.pid(), .sentence = {}, .hint = k_close_hint, .program_can_help = true};
    if ((file.flags & k_of_thread) != 0)
        refusal.sentence = fmt::format("{} has a pidfd of a thread open (descriptor {}), which CRIU cannot dump",
                                       described(process.stat), file.fd);
    else if (*file.names_process != k_reaped && !tree.contains(*file.names_process)) {
        const auto stat = procfs.stat(*file.names_process);
        refusal.sentence = fmt::format("{} has a pidfd of {} open (descriptor {}), which is not part of its tree, and "
                                       "CRIU cannot dump that",
                                       described(process.stat), stat ? described(*stat) : "a process", file.fd);
    }
    return refusal.sentence.empty() ? std::nullopt : std::optional(std::move(refusal));
}

} // namespace

std::vector<Refusal> refused_process_files(const Procfs& procfs, const ProcessTree& tree,
                                           const TreeHoldings& holdings) {
    std::vector<Refusal> refusals;
    for (const Holdings& one : holdings) {
        for (const OpenFile& file : one.open) {
            auto refusal = refuse_thread_file(procfs, holdings, one.process, file);
            if (!refusal)
                refusal = refuse_pidfd(procfs, tree, one.process, file);
            if (refusal)
                refusals.push_back(std::move(*refusal));
        }
    }
    return refusals;
}

} // namespace cedana
