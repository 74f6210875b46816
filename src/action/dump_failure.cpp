// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/dump_failure.hpp"

#include "cedana/base/text.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/diagnose.hpp"
#include "cedana/criu/log.hpp"
#include "cedana/undo/kept_logs.hpp"
#include "cedana/undo/tree_fate.hpp"

#include <cstddef>
#include <string>
#include <system_error>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace {

Error as_error(const std::exception& exception) {
    if (const auto* const error = dynamic_cast<const Error*>(&exception))
        return *error;
    const auto* const failure = dynamic_cast<const std::system_error*>(&exception);
    return {failure != nullptr ? fault_of_errno(failure->code().value()) : Fault::internal, exception.what()};
}

std::string kept_log(const FailedDump& dump) {
    return keep_log(dump.work / criu::k_dump_log, "dump", dump.tree.root().pid());
}

// The tree is as it was but for this; its failure is no reason not to say what the dump's was.
void restore_surroundings(const FailedDump& dump) {
    try {
        const UndoneDump taken = undo_dump(dump.record, dump.work);
        if (taken.sockets != 0)
            spdlog::warn("{} sockets of {} were in the mode in which criu left them; they work again", taken.sockets,
                         dump.target);
        for (const std::string& table : taken.network_locks)
            spdlog::warn("the table {} of nftables, with which criu held back packets of {}, is removed", table,
                         dump.target);
    } catch (const std::exception& error) {
        spdlog::warn("what criu left of the dump could not be taken back: {}", error.what());
    }
}

// "process 43 (worker) was killed by signal 5 (Trace/breakpoint trap)"
std::string told(const std::vector<LostProcess>& lost) {
    std::string text;
    for (const LostProcess& process : lost)
        text += fmt::format("{}process {} ({}) {}", text.empty() ? "" : ", ", process.pid, printable(process.comm),
                            process.how);
    return text;
}

// "process 44 (worker) runs on"
std::string told(const std::vector<const TreeProcess*>& running) {
    std::string text;
    for (const TreeProcess* const process : running)
        text += fmt::format("{}process {} ({}) runs on", text.empty() ? "" : ", ", process->pid(),
                            printable(process->stat.comm));
    return text;
}

std::string kill_command(const std::vector<const TreeProcess*>& running) {
    std::string command = "kill";
    for (const TreeProcess* const process : running)
        command += fmt::format(" {}", process->pid());
    return command;
}

void require_whole(const FailedDump& dump, CriuEnd criu, const std::string& cause) {
    const std::vector<LostProcess> lost = lost_processes(dump.tree, criu);
    if (lost.empty())
        return;
    const bool root_ended = lost.front().pid == dump.tree.root().pid();
    throw Error(Fault::process_lost,
                fmt::format("the dump of {} failed, and {}", dump.target,
                            root_ended ? fmt::format("the process ended during it: {}", told(lost))
                                       : fmt::format("a part of its tree was lost: {}", told(lost))))
        .cause(cause)
        .log(kept_log(dump));
}

// CRIU had been told to end the tree, which is in the checkpoint: it may have ended all, a part or nothing of it.
[[noreturn]] void explain_unfinished_stop(const FailedDump& dump, CriuEnd criu, const std::string& end,
                                          const std::string& cause) {
    const std::string complete = fmt::format("criu {} after the checkpoint was complete", end);
    const std::string whole = fmt::format("the checkpoint is whole: {}", dump.checkpoint->string());
    const std::vector<LostProcess> lost = lost_processes(dump.tree, criu);
    if (lost.empty())
        throw Error(Fault::dump_failed, fmt::format("{}; {} runs on", complete, dump.target))
            .cause(cause)
            .hint(whole)
            .log(kept_log(dump));
    const std::vector<const TreeProcess*> running = running_processes(dump.tree, criu);
    throw Error(Fault::process_lost, fmt::format("{}; {}{}", complete, told(lost),
                                                 running.empty() ? "" : fmt::format(", and {}", told(running))))
        .cause(cause)
        .hint(running.empty()
                  ? whole
                  : fmt::format("{}; end what runs on before you restore it: {}", whole, kill_command(running)))
        .log(kept_log(dump));
}

// What CRIU stumbles over is rather what was seen before, and its message may name something else.
criu::Diagnosis with_passed_over(criu::Diagnosis diagnosis, const std::vector<std::string>& passed_over) {
    if (passed_over.empty())
        return diagnosis;
    std::string said;
    if (const std::size_t at = diagnosis.cause.rfind(" (criu: "); at != std::string::npos)
        said = diagnosis.cause.substr(at);
    else if (diagnosis.cause.starts_with("criu: "))
        said = fmt::format(" ({})", diagnosis.cause);
    diagnosis.cause = fmt::format("--anyway passed over that {}{}", fmt::join(passed_over, ", and that "), said);
    diagnosis.hint =
        "leave --anyway out: the dump is refused before anything is frozen then, and says what can be done";
    return diagnosis;
}

} // namespace

void explain_cancelled(const FailedDump& dump, const std::exception& exception) {
    const Error error = as_error(exception);
    restore_surroundings(dump);
    if (dump.checkpoint)
        explain_unfinished_stop(dump, CriuEnd::by_itself, "was cancelled", error.message());
    // The pid has gone to another process, which runs on; the one that was meant had ended before.
    if (error.fault() == Fault::no_process)
        throw Error(Fault::no_process, fmt::format("cannot dump {}: {}", dump.target, error.message()));
    require_whole(dump, CriuEnd::by_itself, error.message());
    Error cancelled(error.fault(), fmt::format("{}; {} runs on", error.message(), dump.target));
    throw cancelled.cause(error.cause()).hint(error.hint()).log(error.log());
}

void explain_failure(const FailedDump& dump, const criu::DumpReport& report) {
    const criu::Diagnosis diagnosis = with_passed_over(
        criu::diagnose(read_log(dump.work / criu::k_dump_log) + read_log(dump.work / "criu.out")), dump.passed_over);
    const std::string end = report.status.success() ? "ended early" : report.status.text();
    const CriuEnd criu = report.status.signal() ? CriuEnd::killed : CriuEnd::by_itself;
    restore_surroundings(dump);
    if (dump.checkpoint)
        explain_unfinished_stop(dump, criu, end, diagnosis.cause);
    // CRIU cannot tell one that has ended from one that it may not stop.
    const bool ended_by_itself = diagnosis.while_stopping && criu == CriuEnd::by_itself;
    require_whole(dump, criu, ended_by_itself ? std::string() : diagnosis.cause);
    throw Error(Fault::dump_failed, fmt::format("cannot dump {}: criu {}; the process runs on", dump.target, end))
        .cause(diagnosis.cause)
        .hint(diagnosis.hint)
        .log(kept_log(dump));
}

} // namespace cedana
