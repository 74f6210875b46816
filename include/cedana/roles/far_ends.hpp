// SPDX-License-Identifier: Apache-2.0
// What a restored tree's terminal and its pipes to others are joined to: to this command's own standard descriptors
// where that makes sense, to a file, or to nothing. Pure: which descriptors there are is looked up elsewhere
// (own_stdio.hpp).
#pragma once

#include "cedana/model/external_ends.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/process/passing_terminal.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

enum class StdioKind { none, null, terminal, file, pipe, socket };

struct OwnDescriptor {
    int fd = -1;
    StdioKind kind = StdioKind::none;
    bool readable = false;
    bool writable = false;
    // It is the terminal of this command (OwnStdio::passing).
    bool is_own_terminal = false;
};

struct OwnStdio {
    std::array<OwnDescriptor, 3> at = {};
    // Standard input is the terminal that controls this session: CRIU can give it to nobody else's.
    bool has_terminal = false;
    // The first one is a terminal that was made for the tree, and whose other end somebody holds (read_given_ends()).
    bool is_given_terminal = false;
    // systemd's journal listens here.
    bool has_journal = false;
    // The terminal of this command is gone as the command ends.
    std::optional<PassingTerminal> passing = std::nullopt;
    // This command has its keys, and shows there what it prints.
    bool has_keys = false;
};

// foreground: the command stays with the tree, so whoever waits for the end of the command's output waits for the tree.
enum class Attendance { detached, foreground };

// The user named a file for the output (--stdio).
enum class OutputFile { none, given };

// What it did with its terminal: wrote lines, or had every key at once, as a program that paints its screen.
enum class TerminalUse { lines, single_keys };

// given: the one that stands for its input here. shown: a new one, whose output is shown on the user's. file: a new
// one, whose output goes to a file.
enum class TerminalJoin { not_needed, ours, given, shown, file };
// shown: on the user's terminal.
enum class PipeJoin { own, shown, file, nothing };

struct JoinedPipe {
    ExternalPipe pipe;
    PipeJoin to = PipeJoin::nothing;
    // Of the standard descriptor, and of what stands for it here.
    int number = -1;
    int fd = -1;
};

struct Joins {
    TerminalJoin terminal = TerminalJoin::not_needed;
    // Of a given one; how CRIU calls what it takes the place of (criu/console.hpp) is looked up elsewhere.
    int given_terminal = -1;
    std::string terminal_id = {};
    // Why it is a new one: "there is no terminal here".
    std::string reason = {};
    // Of what is shown.
    HeldTerminal shown_on = {};
    std::vector<JoinedPipe> pipes = {};
    // They are made anew, or go to the file.
    std::vector<JournalStream> journal = {};
    bool journal_to_file = false;

    [[nodiscard]] bool needs_file() const noexcept;
};

// Who had the keys of its terminal stays in the foreground, where this command can give it those of its own.
[[nodiscard]] Attendance attendance_of(TerminalUse use, const OwnStdio& own, OutputFile file);

[[nodiscard]] Joins choose_joins(const Manifest& manifest, const OwnStdio& own, Attendance attendance, OutputFile file,
                                 TerminalUse use = TerminalUse::lines);

// One sentence for each, in the future: "its output pipe (descriptor 1) would go to /var/log/x".
[[nodiscard]] std::vector<std::string> explain(const Joins& joins, const std::string& file);
// What the user may not expect.
[[nodiscard]] std::vector<std::string> warnings_of(const Joins& joins, Attendance attendance, OutputFile file,
                                                   const std::string& path);

} // namespace cedana
