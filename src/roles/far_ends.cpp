// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/far_ends.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <set>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

constexpr std::array<const char*, 3> k_names = {"standard input", "standard output", "standard error"};

// The lowest of the three by which the tree has the pipe; -1 if it has it by other numbers alone.
int standard_number(const ExternalPipe& pipe) {
    int lowest = -1;
    for (const Descriptor& one : pipe.descriptors)
        if (one.fd <= STDERR_FILENO && (lowest < 0 || one.fd < lowest))
            lowest = one.fd;
    return lowest;
}

// A pipe or a socket has somebody at its other end who waits for its end, a shell's $(…) for example: it may only last
// as long as this command. A terminal's keys belong to the shell.
bool is_suitable(const OwnDescriptor& own, PipeEnd end, Attendance attendance) {
    switch (own.kind) {
    case StdioKind::none:
        return false;
    case StdioKind::null:
    case StdioKind::file:
        return end == PipeEnd::read ? own.readable : own.writable;
    case StdioKind::terminal:
        return end == PipeEnd::write && own.writable;
    case StdioKind::pipe:
    case StdioKind::socket:
        return attendance == Attendance::foreground && (end == PipeEnd::read ? own.readable : own.writable);
    }
    return false;
}

JoinedPipe join(const ExternalPipe& pipe, const OwnStdio& own, Attendance attendance, OutputFile file) {
    if (pipe.end == PipeEnd::write && file == OutputFile::given)
        return {.pipe = pipe, .to = PipeJoin::file};
    const int number = standard_number(pipe);
    if (number < 0 || !is_suitable(own.at[static_cast<std::size_t>(number)], pipe.end, attendance))
        return {.pipe = pipe, .to = PipeJoin::nothing};
    const bool passes = own.passing && own.at[static_cast<std::size_t>(number)].is_own_terminal;
    if (!passes || attendance == Attendance::foreground)
        return {.pipe = pipe, .to = PipeJoin::own, .number = number, .fd = own.at[static_cast<std::size_t>(number)].fd};
    return {.pipe = pipe, .to = own.passing->beyond ? PipeJoin::shown : PipeJoin::nothing};
}

void join_new_terminal(Joins& joins, const OwnStdio& own, TerminalUse use, OutputFile file) {
    joins.terminal = TerminalJoin::file;
    if (file == OutputFile::given)
        return;
    if (!own.has_terminal)
        joins.reason = "there is no terminal here";
    else if (use == TerminalUse::single_keys)
        joins.reason = "it takes single keys, which it cannot have here (--foreground gives it these)";
    else if (own.passing && own.passing->beyond) {
        joins.terminal = TerminalJoin::shown;
        joins.reason = fmt::format("{} ends this terminal with this command", printable(own.passing->maker));
    } else
        joins.reason = "this terminal ends with this command";
}

// Of older checkpoints it is not known whether they had one, and to give one does no harm.
bool gets_own_terminal(const Manifest& manifest, const OwnStdio& own, Attendance attendance, OutputFile file,
                       TerminalUse use) {
    const bool had_one = !manifest.external_terminals || !manifest.external_terminals->empty();
    // What paints over a shell's lines is of no use to either.
    const bool can_share = !own.passing && use == TerminalUse::lines;
    return had_one && own.has_terminal && file == OutputFile::none &&
           (attendance == Attendance::foreground || can_share);
}

bool needs_terminal(const Manifest& manifest) {
    return !manifest.external_terminals ||
           std::ranges::any_of(*manifest.external_terminals,
                               [](const ExternalTerminal& one) { return !one.descriptors.empty(); });
}

std::string described(const ExternalPipe& pipe) {
    std::set<int> numbers;
    for (const Descriptor& one : pipe.descriptors)
        numbers.insert(one.fd);
    return fmt::format("the pipe that it {} (descriptor {})", pipe.end == PipeEnd::read ? "reads from" : "writes to",
                       fmt::join(numbers, ", "));
}

std::string target_of(const JoinedPipe& pipe, const std::string& file) {
    switch (pipe.to) {
    case PipeJoin::own:
        return fmt::format("{} the {} of this command",
                           pipe.pipe.end == PipeEnd::read ? "would come from" : "would go to",
                           k_names[static_cast<std::size_t>(pipe.number)]);
    case PipeJoin::shown:
        return "would be shown on the terminal of its user";
    case PipeJoin::file:
        return "would go to " + printable(file);
    case PipeJoin::nothing:
        break;
    }
    return pipe.pipe.end == PipeEnd::read ? "would be at its end after what was not read yet" : "would go to /dev/null";
}

std::string of_unit(const Joins& joins) {
    const std::string& unit = joins.journal.front().unit;
    return unit.empty() ? std::string() : " as " + printable(unit);
}

} // namespace

bool Joins::needs_file() const noexcept {
    return terminal == TerminalJoin::file || (journal_to_file && !journal.empty()) ||
           std::ranges::any_of(pipes, [](const JoinedPipe& one) { return one.to == PipeJoin::file; });
}

Attendance attendance_of(TerminalUse use, const OwnStdio& own, OutputFile file) {
    return use == TerminalUse::single_keys && own.has_terminal && own.has_keys && file == OutputFile::none
               ? Attendance::foreground
               : Attendance::detached;
}

Joins choose_joins(const Manifest& manifest, const OwnStdio& own, Attendance attendance, OutputFile file,
                   TerminalUse use) {
    Joins joins;
    if (own.passing && own.passing->beyond)
        joins.shown_on = *own.passing->beyond;
    if (manifest.criu_options.shell_job && own.is_given_terminal) {
        joins.terminal = needs_terminal(manifest) ? TerminalJoin::given : TerminalJoin::not_needed;
        joins.given_terminal = own.at[0].fd;
    } else if (manifest.criu_options.shell_job && gets_own_terminal(manifest, own, attendance, file, use))
        joins.terminal = TerminalJoin::ours;
    else if (manifest.criu_options.shell_job && needs_terminal(manifest))
        join_new_terminal(joins, own, use, file);
    for (const ExternalPipe& pipe : manifest.external_pipes)
        joins.pipes.push_back(join(pipe, own, attendance, file));
    joins.journal = manifest.journal_streams;
    joins.journal_to_file = file == OutputFile::given || !own.has_journal;
    return joins;
}

std::vector<std::string> explain(const Joins& joins, const std::string& file) {
    std::vector<std::string> sentences;
    if (joins.terminal == TerminalJoin::ours)
        sentences.emplace_back("its terminal would be this one");
    if (joins.terminal == TerminalJoin::given)
        sentences.emplace_back("its terminal would be the one that is given");
    if (joins.terminal == TerminalJoin::shown)
        sentences.push_back(
            fmt::format("its terminal would be a new one, with its output shown on that of process {}: {}",
                        joins.shown_on.pid, joins.reason));
    if (joins.terminal == TerminalJoin::file)
        sentences.push_back("its terminal would be a new one, with its output in " + printable(file));
    for (const JoinedPipe& pipe : joins.pipes)
        sentences.push_back(fmt::format("{} {}", described(pipe.pipe), target_of(pipe, file)));
    if (!joins.journal.empty())
        sentences.push_back(joins.journal_to_file
                                ? fmt::format("what it writes to the journal would go to {}", printable(file))
                                : fmt::format("what it writes to the journal would go there{}", of_unit(joins)));
    return sentences;
}

std::vector<std::string> warnings_of(const Joins& joins, Attendance attendance, OutputFile file,
                                     const std::string& path) {
    std::vector<std::string> warnings;
    if (file == OutputFile::given && !joins.needs_file())
        warnings.emplace_back(
            "--stdio has no use here: nothing that it writes to led to a terminal or another program");
    if (!joins.journal.empty() && joins.journal_to_file && file == OutputFile::none)
        warnings.push_back(
            fmt::format("there is no journal of systemd here: what it writes to it goes to {}", printable(path)));
    if (joins.terminal == TerminalJoin::file && file == OutputFile::none)
        warnings.push_back(
            fmt::format("{}: the program gets a new terminal, whose output goes to {}", joins.reason, printable(path)));
    if (joins.terminal == TerminalJoin::shown)
        warnings.push_back(fmt::format("{}: the program gets a new terminal, whose output is shown here, and no keys "
                                       "(--foreground gives it these)",
                                       joins.reason));
    if (joins.terminal == TerminalJoin::ours && attendance == Attendance::detached)
        warnings.emplace_back(
            "the program shares this terminal with the shell and gets no keys (--foreground gives it these)");
    for (const JoinedPipe& pipe : joins.pipes) {
        if (pipe.to != PipeJoin::nothing)
            continue;
        warnings.push_back(pipe.pipe.end == PipeEnd::read
                               ? fmt::format("{} is at its end after what was not read yet: nobody writes to it here",
                                             described(pipe.pipe))
                               : fmt::format("{} leads to /dev/null: give --stdio FILE, or --foreground to join it to "
                                             "this command's own",
                                             described(pipe.pipe)));
    }
    return warnings;
}

} // namespace cedana
