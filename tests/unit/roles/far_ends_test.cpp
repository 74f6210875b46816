// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/far_ends.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

constexpr OwnDescriptor k_none{};
constexpr OwnDescriptor k_null{.kind = StdioKind::null, .readable = true, .writable = true};
constexpr OwnDescriptor k_terminal{.kind = StdioKind::terminal, .readable = true, .writable = true};
constexpr OwnDescriptor k_read_file{.kind = StdioKind::file, .readable = true};
constexpr OwnDescriptor k_written_file{.kind = StdioKind::file, .writable = true};
constexpr OwnDescriptor k_read_pipe{.kind = StdioKind::pipe, .readable = true};
constexpr OwnDescriptor k_written_pipe{.kind = StdioKind::pipe, .writable = true};
constexpr OwnDescriptor k_socket{.kind = StdioKind::socket, .readable = true, .writable = true};

ExternalPipe pipe_at(PipeEnd end, int fd) { return {.inode = 300, .end = end, .descriptors = {{.pid = 42, .fd = fd}}}; }

struct PipeCase {
    const char* name;
    PipeEnd end;
    int fd;
    // Of this command, at that number.
    OwnDescriptor own;
    Attendance attendance;
    OutputFile file;
    PipeJoin to;
};

class JoinOfAPipe : public ::testing::TestWithParam<PipeCase> {};

TEST_P(JoinOfAPipe, IsWhereItBelongs) {
    const PipeCase& given = GetParam();
    Manifest manifest;
    manifest.external_pipes = {pipe_at(given.end, given.fd)};
    OwnStdio own{.at = {k_none, k_none, k_none}};
    if (given.fd < 3)
        own.at.at(static_cast<std::size_t>(given.fd)) = given.own;
    const Joins joins = choose_joins(manifest, own, given.attendance, given.file);
    ASSERT_EQ(joins.pipes.size(), 1U);
    EXPECT_EQ(joins.pipes[0].to, given.to);
    EXPECT_EQ(joins.pipes[0].number, given.to == PipeJoin::own ? given.fd : -1);
    EXPECT_EQ(joins.needs_file(), given.to == PipeJoin::file);
    EXPECT_EQ(joins.terminal, TerminalJoin::not_needed);
}

constexpr auto k_write = PipeEnd::write;
constexpr auto k_read = PipeEnd::read;
constexpr auto k_detached = Attendance::detached;
constexpr auto k_foreground = Attendance::foreground;
constexpr auto k_no_file = OutputFile::none;
constexpr auto k_file = OutputFile::given;

INSTANTIATE_TEST_SUITE_P(
    Pipes, JoinOfAPipe,
    ::testing::Values(
        PipeCase{"output_to_a_terminal", k_write, 1, k_terminal, k_detached, k_no_file, PipeJoin::own},
        PipeCase{"output_to_a_file", k_write, 1, k_written_file, k_detached, k_no_file, PipeJoin::own},
        PipeCase{"output_to_null", k_write, 2, k_null, k_detached, k_no_file, PipeJoin::own},
        // Else "$(cedana client restore ZIP)" would never end.
        PipeCase{"not_to_a_pipe_that_awaits_the_end", k_write, 1, k_written_pipe, k_detached, k_no_file,
                 PipeJoin::nothing},
        PipeCase{"output_to_a_pipe_in_the_foreground", k_write, 1, k_written_pipe, k_foreground, k_no_file,
                 PipeJoin::own},
        PipeCase{"not_to_a_socket", k_write, 1, k_socket, k_detached, k_no_file, PipeJoin::nothing},
        PipeCase{"output_to_a_socket_in_the_foreground", k_write, 1, k_socket, k_foreground, k_no_file, PipeJoin::own},
        PipeCase{"not_to_what_is_only_read", k_write, 1, k_read_file, k_foreground, k_no_file, PipeJoin::nothing},
        PipeCase{"not_to_what_is_closed", k_write, 1, k_none, k_foreground, k_no_file, PipeJoin::nothing},
        PipeCase{"of_another_number", k_write, 7, k_none, k_foreground, k_no_file, PipeJoin::nothing},
        PipeCase{"the_named_file_goes_first", k_write, 1, k_terminal, k_foreground, k_file, PipeJoin::file},
        PipeCase{"the_named_file_for_another_number", k_write, 7, k_none, k_detached, k_file, PipeJoin::file},
        PipeCase{"input_from_a_file", k_read, 0, k_read_file, k_detached, k_no_file, PipeJoin::own},
        PipeCase{"input_from_null", k_read, 0, k_null, k_detached, k_no_file, PipeJoin::own},
        PipeCase{"input_from_a_pipe_in_the_foreground", k_read, 0, k_read_pipe, k_foreground, k_no_file, PipeJoin::own},
        PipeCase{"input_not_from_a_pipe", k_read, 0, k_read_pipe, k_detached, k_no_file, PipeJoin::nothing},
        PipeCase{"input_not_from_a_terminal", k_read, 0, k_terminal, k_foreground, k_no_file, PipeJoin::nothing},
        PipeCase{"input_not_from_the_named_file", k_read, 0, k_none, k_detached, k_file, PipeJoin::nothing}),
    [](const auto& given) { return given.param.name; });

TEST(Joins, TakeTheLowestStandardNumberOfAPipe) {
    Manifest manifest;
    manifest.external_pipes = {{.inode = 300,
                                .end = k_write,
                                .descriptors = {{.pid = 42, .fd = 2}, {.pid = 42, .fd = 1}, {.pid = 43, .fd = 9}}}};
    const OwnStdio own{.at = {k_null, k_terminal, k_terminal}};
    EXPECT_EQ(choose_joins(manifest, own, k_detached, k_no_file).pipes.at(0).number, 1);
}

struct TerminalCase {
    const char* name;
    bool shell_job;
    // Absent: as in a checkpoint of before they were noted.
    std::optional<std::vector<ExternalTerminal>> terminals;
    bool has_terminal;
    OutputFile file;
    TerminalJoin join;
};

class JoinOfATerminal : public ::testing::TestWithParam<TerminalCase> {};

TEST_P(JoinOfATerminal, IsWhereItBelongs) {
    const TerminalCase& given = GetParam();
    Manifest manifest;
    manifest.criu_options.shell_job = given.shell_job;
    manifest.external_terminals = given.terminals;
    const OwnStdio own{.at = {k_terminal, k_terminal, k_terminal}, .has_terminal = given.has_terminal};
    EXPECT_EQ(choose_joins(manifest, own, k_detached, given.file).terminal, given.join);
}

const std::vector<ExternalTerminal> k_open_terminal = {{.path = "/dev/pts/3", .descriptors = {{.pid = 42, .fd = 0}}}};
const std::vector<ExternalTerminal> k_controlling_alone = {{.path = "/dev/pts/3", .descriptors = {}}};
const std::vector<ExternalTerminal> k_no_terminal = {};

INSTANTIATE_TEST_SUITE_P(
    Terminals, JoinOfATerminal,
    ::testing::Values(TerminalCase{"this_one", true, k_open_terminal, true, k_no_file, TerminalJoin::ours},
                      TerminalCase{"a_new_one", true, k_open_terminal, false, k_no_file, TerminalJoin::file},
                      TerminalCase{"a_new_one_for_a_named_file", true, k_open_terminal, true, k_file,
                                   TerminalJoin::file},
                      TerminalCase{"none_had", true, k_no_terminal, true, k_no_file, TerminalJoin::not_needed},
                      TerminalCase{"controlling_alone", true, k_controlling_alone, true, k_no_file, TerminalJoin::ours},
                      TerminalCase{"controlling_alone_and_none_here", true, k_controlling_alone, false, k_no_file,
                                   TerminalJoin::not_needed},
                      TerminalCase{"unknown", true, std::nullopt, false, k_no_file, TerminalJoin::file},
                      TerminalCase{"unknown_and_one_here", true, std::nullopt, true, k_no_file, TerminalJoin::ours},
                      TerminalCase{"a_daemon", false, std::nullopt, true, k_no_file, TerminalJoin::not_needed}),
    [](const auto& given) { return given.param.name; });

constexpr auto k_lines = TerminalUse::lines;
constexpr auto k_keys = TerminalUse::single_keys;
const PassingTerminal k_sudos = {.maker = "sudo", .beyond = HeldTerminal{.device = 34819, .pid = 20}};
const PassingTerminal k_sshs = {.maker = "sshd", .beyond = std::nullopt};

TEST(Joins, ToAGivenTerminalGoFirst) {
    Manifest manifest;
    manifest.criu_options.shell_job = true;
    manifest.external_terminals = k_open_terminal;
    OwnStdio own{.at = {k_terminal, k_null, k_null}, .is_given_terminal = true};
    own.at[0].fd = 5;
    const Joins joins = choose_joins(manifest, own, k_foreground, k_no_file);
    EXPECT_EQ(joins.terminal, TerminalJoin::given);
    EXPECT_EQ(joins.given_terminal, 5);
    EXPECT_FALSE(joins.needs_file());
    EXPECT_TRUE(warnings_of(joins, k_foreground, k_no_file, "").empty());
    manifest.external_terminals = k_no_terminal;
    EXPECT_EQ(choose_joins(manifest, own, k_foreground, k_no_file).terminal, TerminalJoin::not_needed);
}

struct UseCase {
    const char* name;
    std::optional<PassingTerminal> passing;
    TerminalUse use;
    Attendance attendance;
    OutputFile file;
    TerminalJoin join;
};

class JoinOfATerminalThatIsHere : public ::testing::TestWithParam<UseCase> {};

TEST_P(JoinOfATerminalThatIsHere, IsWhatLastsAndIsNotPaintedOver) {
    const UseCase& given = GetParam();
    Manifest manifest;
    manifest.criu_options.shell_job = true;
    manifest.external_terminals = k_open_terminal;
    const OwnStdio own{
        .at = {k_terminal, k_terminal, k_terminal}, .has_terminal = true, .passing = given.passing, .has_keys = true};
    const Joins joins = choose_joins(manifest, own, given.attendance, given.file, given.use);
    EXPECT_EQ(joins.terminal, given.join);
    EXPECT_EQ(joins.shown_on.pid, given.passing == k_sudos ? 20 : 0);
    EXPECT_EQ(joins.needs_file(), given.join == TerminalJoin::file);
}

INSTANTIATE_TEST_SUITE_P(
    Terminals, JoinOfATerminalThatIsHere,
    ::testing::Values(
        UseCase{"that_lasts", std::nullopt, k_lines, k_detached, k_no_file, TerminalJoin::ours},
        UseCase{"the_users_for_that_of_sudo", k_sudos, k_lines, k_detached, k_no_file, TerminalJoin::shown},
        UseCase{"that_of_sudo_for_as_long_as_it_lasts", k_sudos, k_lines, k_foreground, k_no_file, TerminalJoin::ours},
        UseCase{"the_named_file_for_that_of_sudo", k_sudos, k_lines, k_detached, k_file, TerminalJoin::file},
        UseCase{"a_file_where_nothing_lasts", k_sshs, k_lines, k_detached, k_no_file, TerminalJoin::file},
        UseCase{"single_keys_in_the_foreground", std::nullopt, k_keys, k_foreground, k_no_file, TerminalJoin::ours},
        UseCase{"a_file_where_it_would_paint", std::nullopt, k_keys, k_detached, k_no_file, TerminalJoin::file},
        UseCase{"a_file_where_it_would_paint_under_sudo", k_sudos, k_keys, k_detached, k_no_file, TerminalJoin::file}),
    [](const auto& given) { return given.param.name; });

// As of `program | tee log`, whose program alone was dumped.
TEST(Joins, OfAPipeToATerminalThatEndsAreToTheUsers) {
    Manifest manifest;
    manifest.external_pipes = {pipe_at(k_write, 1)};
    OwnDescriptor terminal = k_terminal;
    terminal.is_own_terminal = true;
    OwnStdio own{.at = {k_null, terminal, terminal}, .passing = k_sudos};
    EXPECT_EQ(choose_joins(manifest, own, k_detached, k_no_file).pipes.at(0).to, PipeJoin::shown);
    EXPECT_EQ(choose_joins(manifest, own, k_foreground, k_no_file).pipes.at(0).to, PipeJoin::own);
    EXPECT_EQ(choose_joins(manifest, own, k_detached, k_file).pipes.at(0).to, PipeJoin::file);
    own.passing = k_sshs;
    EXPECT_EQ(choose_joins(manifest, own, k_detached, k_no_file).pipes.at(0).to, PipeJoin::nothing);
    own.passing = k_sudos;
    own.at[1] = k_terminal;
    EXPECT_EQ(choose_joins(manifest, own, k_detached, k_no_file).pipes.at(0).to, PipeJoin::own);
}

TEST(Joins, SayWhoEndsTheTerminalAndWhatGivesTheKeys) {
    Manifest manifest;
    manifest.criu_options.shell_job = true;
    manifest.external_terminals = k_open_terminal;
    const OwnStdio own{.at = {k_terminal, k_terminal, k_terminal}, .has_terminal = true, .passing = k_sudos};
    const auto warnings = warnings_of(choose_joins(manifest, own, k_detached, k_no_file), k_detached, k_no_file, "/x");
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_NE(warnings[0].find("sudo ends this terminal with this command"), std::string::npos);
    EXPECT_NE(warnings[0].find("--foreground"), std::string::npos);
}

TEST(Attendance, IsInTheForegroundWhereWhoHadSingleKeysCanHaveThem) {
    const OwnStdio own{.at = {k_terminal, k_terminal, k_terminal}, .has_terminal = true, .has_keys = true};
    EXPECT_EQ(attendance_of(k_keys, own, k_no_file), k_foreground);
    EXPECT_EQ(attendance_of(k_keys, own, k_file), k_detached);
    EXPECT_EQ(attendance_of(k_lines, own, k_no_file), k_detached);
    EXPECT_EQ(attendance_of(k_keys, OwnStdio{.has_terminal = true, .has_keys = false}, k_no_file), k_detached);
    EXPECT_EQ(attendance_of(k_keys, OwnStdio{}, k_no_file), k_detached);
}

TEST(Joins, AreExplained) {
    const Joins joins{.terminal = TerminalJoin::file,
                      .pipes = {{.pipe = pipe_at(k_write, 1), .to = PipeJoin::own, .number = 1},
                                {.pipe = pipe_at(k_write, 5), .to = PipeJoin::file},
                                {.pipe = pipe_at(k_write, 6)},
                                {.pipe = pipe_at(k_read, 0)}}};
    EXPECT_EQ(explain(joins, "/store/x.out"),
              (std::vector<std::string>{
                  "its terminal would be a new one, with its output in /store/x.out",
                  "the pipe that it writes to (descriptor 1) would go to the standard output of this command",
                  "the pipe that it writes to (descriptor 5) would go to /store/x.out",
                  "the pipe that it writes to (descriptor 6) would go to /dev/null",
                  "the pipe that it reads from (descriptor 0) would be at its end after what was not read yet"}));
}

TEST(Joins, ToNothingAreWarnedOf) {
    const Joins joins{.pipes = {{.pipe = pipe_at(k_write, 6)}, {.pipe = pipe_at(k_read, 0)}}};
    EXPECT_EQ(warnings_of(joins, k_detached, k_no_file, "/store/x.out").size(), 2U);
}

TEST(Joins, ToWhatTheUserNamedAreNot) {
    const Joins joins{.terminal = TerminalJoin::file, .pipes = {{.pipe = pipe_at(k_write, 1), .to = PipeJoin::file}}};
    EXPECT_TRUE(warnings_of(joins, k_detached, k_file, "/x").empty());
}

TEST(Joins, WithoutUseForTheNamedFileSaySo) {
    EXPECT_EQ(warnings_of({}, k_detached, k_file, "/x").size(), 1U);
    EXPECT_TRUE(warnings_of({}, k_detached, k_no_file, "/x").empty());
}

struct JournalCase {
    bool is_here;
    OutputFile file;
    bool to_file;
    const char* plan;
    std::size_t warnings;
};

class JoinOfTheJournal : public ::testing::TestWithParam<JournalCase> {};

TEST_P(JoinOfTheJournal, IsThereOrAFile) {
    const JournalCase& given = GetParam();
    Manifest manifest;
    manifest.journal_streams = {{.inode = 300, .unit = "x.service"}};
    OwnStdio own{.at = {k_none, k_none, k_none}};
    own.has_journal = given.is_here;
    const Joins joins = choose_joins(manifest, own, k_detached, given.file);
    EXPECT_EQ(joins.needs_file(), given.to_file);
    EXPECT_EQ(explain(joins, "/out"), std::vector<std::string>{given.plan});
    EXPECT_EQ(warnings_of(joins, k_detached, given.file, "/out").size(), given.warnings);
}

INSTANTIATE_TEST_SUITE_P(
    Journals, JoinOfTheJournal,
    ::testing::Values(JournalCase{true, OutputFile::none, false,
                                  "what it writes to the journal would go there as x.service", 0},
                      JournalCase{true, OutputFile::given, true, "what it writes to the journal would go to /out", 0},
                      JournalCase{false, OutputFile::given, true, "what it writes to the journal would go to /out", 0},
                      JournalCase{false, OutputFile::none, true, "what it writes to the journal would go to /out", 1}));

TEST(Joins, NeedNoFileWhereNothingWentToTheJournal) {
    EXPECT_FALSE(choose_joins(Manifest(), OwnStdio{.at = {k_none, k_none, k_none}}, k_detached, k_file).needs_file());
}

} // namespace
} // namespace cedana
