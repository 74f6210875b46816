// SPDX-License-Identifier: Apache-2.0

#include "cedana/base/text.hpp"

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

using Usage = AnyUser;

TEST_F(Usage, VersionIsOneLineOnStandardOutput) {
    const CedanaRun run = cedana({"--version"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(matches(only_line(run.out), "cedana [0-9]+\\.[0-9]+\\.[0-9]+"));
    EXPECT_EQ(run.err, "");
}

TEST_F(Usage, HelpNamesTheCommandsOnStandardOutput) {
    const CedanaRun run = cedana({"--help"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(holds(run.out, "client"));
    EXPECT_TRUE(holds(run.out, "config"));
    EXPECT_EQ(run.err, "");
}

TEST_F(Usage, HelpOfACommandNamesItsOptionsAndShowsAnExample) {
    const CedanaRun run = cedana({"client", "dump", "--help"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_TRUE(holds(run.out, "--leave-running"));
    EXPECT_TRUE(holds(run.out, "example: sudo cedana client dump"));
}

TEST_F(Usage, HelpFitsAScreenAndBeginsWithWhatPeopleNeed) {
    const std::string help = cedana({"--help"}).out;
    EXPECT_LE(split(help, '\n').size(), 25U);
    for (const char* needed :
         {"sudo cedana client dump -p PID -d DIR", "sudo cedana client restore ZIP", "sudo cedana client list DIR"})
        EXPECT_TRUE(holds(help, needed));
}

TEST_F(Usage, HelpOfEveryCommandHasAnExample) {
    for (const char* command : {"client dump", "client restore", "client list", "client inspect", "client prune",
                                "client find", "client verify", "client sign", "check", "config show", "config init",
                                "config keygen", "config path", "completion"}) {
        std::vector<std::string> words = split(command, ' ');
        words.emplace_back("--help");
        EXPECT_TRUE(holds(cedana(words).out, "\nexample: ")) << command;
    }
}

TEST_F(Usage, HelpMakesNoConfigFile) {
    static_cast<void>(cedana({"--help"}));
    EXPECT_FALSE(std::filesystem::exists(config_file()));
}

TEST_F(Usage, ARoleCannotBeTakenByHand) {
    for (const std::string role : {"guard", "terminal", "copier", "pidns", "init", "trial", "keeper", "pages"}) {
        const CedanaRun run = cedana({"--role", role});
        EXPECT_EQ(run.exit_code, 2) << run.err;
        EXPECT_EQ(run.out, "");
        EXPECT_TRUE(holds(run.err, "there is no plan for the role " + role + " at descriptor 3"));
    }
    EXPECT_EQ(cedana({"--role", "king"}).exit_code, 2);
    EXPECT_EQ(cedana({"--role"}).exit_code, 2);
    EXPECT_FALSE(holds(cedana({"--help"}).out, "--role"));
}

// What made a role of cedana once, whatever the command line said.
TEST_F(Usage, NoVariableOfTheEnvironmentMakesARole) {
    for (const char* name : {"CEDANA_KEEPER", "CEDANA_RESTORE_GUARD", "CEDANA_NAMESPACE_KEEPER", "CEDANA_LAZY_KEEPER",
                             "CEDANA_LAZY_SERVER"}) {
        options.environment[name] = "";
        const CedanaRun run = cedana({"--version"});
        EXPECT_EQ(run.exit_code, 0) << name << ": " << run.err;
        EXPECT_TRUE(run.out.starts_with("cedana ")) << name;
        options.environment.erase(name);
    }
}

struct Wrong {
    const char* name;
    std::vector<std::string> arguments;
    const char* said;
};

void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

class WrongUsage : public AnyUser, public ::testing::WithParamInterface<Wrong> {};

TEST_P(WrongUsage, IsExit2WithTheReasonOnStandardError) {
    const CedanaRun run = cedana(GetParam().arguments);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(holds(run.err, GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(
    CommandLines, WrongUsage,
    ::testing::Values(Wrong{"NoCommand", {}, "subcommand is required"},
                      Wrong{"NoClientCommand", {"client"}, "subcommand is required"},
                      Wrong{"UnknownCommand", {"clinet"}, "there is no command 'clinet'; did you mean client?"},
                      Wrong{"UnknownClientCommand", {"client", "dumpp", "-p", "1"}, "did you mean dump?"},
                      Wrong{"SuperfluousWord", {"client", "dump", "nginx"}, "nginx"},
                      Wrong{"UnknownOption", {"client", "dump", "--no-such-option"}, "--no-such-option"},
                      Wrong{"MistypedOption", {"client", "dump", "--leave-runing"}, "did you mean --leave-running?"},
                      Wrong{"MistypedOptionOfTheProgram", {"client", "list", "--jsno"}, "did you mean --json?"},
                      Wrong{
                          "MistypedOptionBeforeAnArgument", {"client", "restore", "--forse"}, "did you mean --force?"},
                      Wrong{"PidIsAWord", {"client", "dump", "-p", "nginx"}, "nginx"},
                      Wrong{"PidIsZero", {"client", "dump", "-p", "0"}, "0 is not a pid"},
                      Wrong{"PidIsTooLarge", {"client", "dump", "-p", "99999999999"}, "99999999999 is not a pid"},
                      Wrong{"PidAndName", {"client", "dump", "-p", "1", "-n", "x"}, "excludes"},
                      Wrong{"LeaveRunningAndStop", {"client", "dump", "--leave-running", "--stop"}, "excludes"},
                      Wrong{"RestoreWithoutZip", {"client", "restore"}, "CHECKPOINT is required"},
                      Wrong{"FindWithoutName", {"client", "find"}, "NAME is required"}),
    [](const auto& parameter) { return parameter.param.name; });

} // namespace
} // namespace cedana::testing
