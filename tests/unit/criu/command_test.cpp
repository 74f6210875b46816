// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/command.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

using Words = std::vector<std::string>;

bool has(const Words& argv, const Words& words) {
    return std::search(argv.begin(), argv.end(), words.begin(), words.end()) != argv.end();
}

DumpCommand plain_dump() {
    return {.paths = {.program = "/usr/sbin/criu", .images = "/run/x", .work = "/run/x"},
            .pid = 42,
            .after = After::leave_running,
            .options = {},
            .action_script = "/run/x/action"};
}

TEST(DumpArgv, NamesProgramTreeFoldersAndScript) {
    const Words argv = dump_argv(plain_dump());
    EXPECT_EQ(argv.front(), "/usr/sbin/criu");
    EXPECT_EQ(argv[1], "dump");
    EXPECT_TRUE(has(argv, {"--stream"}));
    EXPECT_TRUE(has(argv, {"--tree", "42"}));
    EXPECT_TRUE(has(argv, {"--images-dir", "/run/x"}));
    EXPECT_TRUE(has(argv, {"--action-script", "/run/x/action"}));
}

TEST(DumpArgv, StreamsNoImagesThatAreToBeFiles) {
    DumpCommand command = plain_dump();
    command.images = Images::files;
    EXPECT_FALSE(has(dump_argv(command), {"--stream"}));
    EXPECT_TRUE(has(dump_argv(command), {"--images-dir", "/run/x"}));
}

TEST(DumpArgv, SaysHowMuchIsLogged) {
    DumpCommand command = plain_dump();
    EXPECT_TRUE(has(dump_argv(command), {"-v3"}));
    command.log = LogOf::failures;
    EXPECT_TRUE(has(dump_argv(command), {"-v2"}));
}

TEST(DumpArgv, HasCriuTellOfItsStagesByASocketWithoutAScript) {
    DumpCommand command = plain_dump();
    command.action_script.clear();
    command.options.extra = {"--external", "file[1:2]"};
    const Words argv = dump_argv(command);
    EXPECT_EQ(argv.at(1), "swrk");
    EXPECT_EQ(argv.back(), std::to_string(k_stage_socket));
    EXPECT_FALSE(has(argv, {"--action-script"}));
    EXPECT_TRUE(has(argv, {"--external", "file[1:2]"}));
}

TEST(LogLevel, IsWhatTheLastWordOnItSays) {
    EXPECT_EQ(log_level_of({"criu", "swrk", "-v2", "--log-file", "dump.log"}), 2);
    EXPECT_EQ(log_level_of({"criu", "-v2", "-v4", "5"}), 4);
    EXPECT_EQ(log_level_of({"criu", "-v4", "--verbosity=1"}), 1);
    EXPECT_EQ(log_level_of({"criu", "-v2", "-vv"}), 4);
    EXPECT_EQ(log_level_of({"criu", "-v2", "-v"}), 3);
    EXPECT_EQ(log_level_of({"criu", "-v2", "--veth-pair", "-v9", "-vx"}), 2);
}

TEST(DumpArgv, LeavesTheTreeRunningOnlyWhenAsked) {
    DumpCommand command = plain_dump();
    EXPECT_TRUE(has(dump_argv(command), {"--leave-running"}));
    command.after = After::stop;
    EXPECT_FALSE(has(dump_argv(command), {"--leave-running"}));
}

struct OptionCase {
    std::string name;
    CriuOptions options;
    Words words;
};
class EachOption : public ::testing::TestWithParam<OptionCase> {};
TEST_P(EachOption, IsGivenAtDump) {
    DumpCommand command = plain_dump();
    EXPECT_FALSE(has(dump_argv(command), GetParam().words));
    command.options = GetParam().options;
    EXPECT_TRUE(has(dump_argv(command), GetParam().words));
}
TEST_P(EachOption, IsGivenAtRestore) {
    EXPECT_TRUE(has(restore_argv({.paths = {}, .options = GetParam().options, .pid_file = "p"}), GetParam().words));
}
INSTANTIATE_TEST_SUITE_P(
    Options, EachOption,
    ::testing::Values(OptionCase{"shell_job", {.shell_job = true}, {"--shell-job"}},
                      OptionCase{"tcp_established", {.tcp_established = true}, {"--tcp-established"}},
                      OptionCase{"network_lock", {.network_lock = "nftables"}, {"--network-lock", "nftables"}},
                      OptionCase{"external_unix_sockets", {.external_unix_sockets = true}, {"--ext-unix-sk"}},
                      OptionCase{"file_locks", {.file_locks = true}, {"--file-locks"}},
                      OptionCase{"ignore_cgroups", {.ignore_cgroups = true}, {"--manage-cgroups=ignore"}},
                      OptionCase{"link_remap", {.link_remap = true}, {"--link-remap"}},
                      OptionCase{"ghost_limit", {.ghost_limit = 7}, {"--ghost-limit", "7"}},
                      OptionCase{"extra", {.extra = {"--a", "--b=c"}}, {"--a", "--b=c"}}),
    [](const auto& option) { return option.param.name; });

TEST(RestoreArgv, LeavesPagesOutOnlyWhenAsked) {
    RestoreCommand command{.paths = {}, .options = {}, .pid_file = "p"};
    EXPECT_FALSE(has(restore_argv(command), {"--lazy-pages"}));
    command.lazy_pages = true;
    EXPECT_TRUE(has(restore_argv(command), {"--lazy-pages"}));
}

TEST(RestoreArgv, DetachesAndWritesThePid) {
    const Words argv = restore_argv({.paths = {}, .options = {}, .pid_file = "/run/x/pid"});
    EXPECT_TRUE(has(argv, {"--restore-detached"}));
    EXPECT_TRUE(has(argv, {"--pidfile", "/run/x/pid"}));
}

TEST(RestoreArgv, LeavesATrialStoppedAndRunsItsScript) {
    const Words plain = restore_argv({.paths = {}, .options = {}, .pid_file = "p"});
    EXPECT_FALSE(has(plain, {"--leave-stopped"}));
    EXPECT_FALSE(has(plain, {"--action-script"}));
    const Words argv =
        restore_argv({.paths = {}, .options = {}, .pid_file = "p", .action_script = "/x", .leave_stopped = true});
    EXPECT_TRUE(has(argv, {"--action-script", "/x"}));
    EXPECT_TRUE(has(argv, {"--leave-stopped"}));
}

TEST(RestoreArgv, NamesWhatIsInheritedAndByWhichNumber) {
    const Words argv =
        restore_argv({.paths = {},
                      .options = {},
                      .inherited = {{.number = 10, .id = "pipe:[300]"}, {.number = 11, .id = "pipe:[4]"}},
                      .pid_file = "p"});
    EXPECT_TRUE(has(argv, {"--inherit-fd", "fd[10]:pipe:[300]", "--inherit-fd", "fd[11]:pipe:[4]"}));
}

TEST(HarmlessArguments, AreThoseThatChangeOnlyWhatCriuDoesWithTheTree) {
    for (const char* argument :
         {"--tcp-close", "--skip-in-flight", "--ghost-limit=2000000000", "--ghost-limit=2G", "-v4"})
        EXPECT_TRUE(is_harmless(argument)) << argument;
}

TEST(HarmlessArguments, AreNoneOfThoseThatRunOrWriteSomething) {
    for (const char* argument : {"--action-script=/tmp/x",
                                 "--action-script",
                                 "/tmp/x",
                                 "--libdir=/tmp",
                                 "-L",
                                 "--config=/tmp/c",
                                 "--exec-cmd",
                                 "--log-file=/etc/x",
                                 "-o",
                                 "--pidfile=/etc/x",
                                 "--work-dir=/etc",
                                 "-W/etc",
                                 "--images-dir=/x",
                                 "--root=/x",
                                 "--external=file[1:2]:x",
                                 "--inherit-fd=fd[3]:x",
                                 "--lsm-profile=x",
                                 "--cgroup-root=/",
                                 "--ps-socket=1",
                                 "--ghost-limit",
                                 "--ghost-limit=",
                                 "--ghost-limit=-1",
                                 "--ghost-limit=1 --action-script=x",
                                 "-v4x",
                                 "",
                                 "--"})
        EXPECT_FALSE(is_harmless(argument)) << argument;
}

} // namespace
} // namespace cedana::criu
