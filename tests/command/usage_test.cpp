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

TEST_F(Usage, IsTheHelpWhereNothingIsAskedFor) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{}, {"client"}, {"config"}}) {
        const CedanaRun run = cedana(words);
        EXPECT_EQ(run.exit_code, 0);
        EXPECT_EQ(run.err, "");
        std::vector<std::string> asked = words;
        asked.emplace_back("--help");
        EXPECT_EQ(run.out, cedana(asked).out);
    }
    EXPECT_EQ(cedana({"help"}).out, cedana({"--help"}).out);
    EXPECT_EQ(cedana({"help", "dump"}).out, cedana({"client", "dump", "--help"}).out);
    EXPECT_EQ(cedana({"help", "config", "keygen"}).out, cedana({"config", "keygen", "--help"}).out);
    EXPECT_EQ(cedana({"help", "dupm"}).exit_code, 2);
    EXPECT_EQ(cedana({"version"}).out, cedana({"--version"}).out);
    EXPECT_EQ(cedana({"version", "--json"}).out, cedana({"--version", "--json"}).out);
}

TEST_F(Usage, ShortFormsAreTheSameCommands) {
    for (const char* command : {"dump", "restore", "list", "inspect", "verify", "rm"}) {
        EXPECT_EQ(cedana({command, "--help"}).out, cedana({"client", command, "--help"}).out) << command;
        EXPECT_TRUE(holds(cedana({command, "--help"}).out, std::string("\n       cedana ") + command + " [OPTIONS]"));
    }
    const CedanaRun list = cedana({"list", folder()});
    EXPECT_EQ(list.exit_code, 0) << list.err;
    EXPECT_EQ(list.err, cedana({"client", "list", folder()}).err);
    EXPECT_TRUE(holds(cedana({"restore", "--forse"}).err, "cedana client restore --help"));
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
    EXPECT_LE(split(help, '\n').size(), 34U);
    for (const char* needed : {"sudo cedana client dump -p PID ", "sudo cedana client restore latest ",
                               "`client` may be left out of: dump, restore, verify, list, inspect, rm\n"})
        EXPECT_TRUE(holds(help, needed));
}

TEST_F(Usage, HelpOfEveryCommandHasAnExample) {
    for (const char* command :
         {"client dump",   "client restore", "client run",     "client ps",      "client checkpoint",
          "client stop",   "client history", "client list",    "client inspect", "client prune",
          "client rm",     "client find",    "client verify",  "client sign",    "client export",
          "client import", "check",          "config show",    "config init",    "config keygen",
          "config path",   "completion",     "client migrate", "client receive", "container setup"}) {
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
    ::testing::Values(
        Wrong{"NoCommandButAnOption", {"--quiet"}, "a command is missing"},
        Wrong{"UnknownCommand", {"clinet"}, "there is no command 'clinet'; did you mean client?"},
        Wrong{"UnknownCommandBeforeAKnownOne", {"--quiet", "clinet", "dump"}, "there is no command 'clinet'"},
        Wrong{"UnknownClientCommand", {"client", "dumpp", "-p", "1"}, "did you mean dump?"},
        Wrong{"UnknownShortForm", {"resotre", "x"}, "there is no command 'resotre'; did you mean restore?"},
        Wrong{
            "CommandOfAnotherGroup", {"prune"}, "there is no command 'prune' here; did you mean cedana client prune?"},
        Wrong{"MistypedCommandOfAnotherGroup", {"keygne"}, "did you mean cedana config keygen?"},
        Wrong{"CommandOfTheProgramInAGroup", {"client", "check"}, "did you mean cedana check?"},
        Wrong{"SuperfluousWord", {"client", "dump", "nginx", "redis"}, "'redis' is one word too many"},
        Wrong{"SuperfluousWordOfACommandWithoutAny", {"check", "nginx"}, "'nginx' is one word too many"},
        Wrong{"UnknownOption", {"client", "dump", "--no-such-option"}, "--no-such-option"},
        Wrong{"MistypedOption", {"client", "dump", "--leave-runing"}, "did you mean --leave-running?"},
        Wrong{"MistypedOptionOfTheProgram", {"client", "list", "--jsno"}, "did you mean --json?"},
        Wrong{"MistypedOptionBeforeAnArgument", {"client", "restore", "--forse"}, "did you mean --force?"},
        Wrong{"PidIsAWord", {"client", "dump", "-p", "nginx"}, "--pid got 'nginx', which is not a whole number"},
        Wrong{"PidIsEmpty", {"client", "dump", "-p", ""}, "--pid got an empty word"},
        Wrong{"PidIsNothing", {"client", "dump", "--pid=", "--dry-run"}, "--pid= has no value"},
        Wrong{"PidIsMissing", {"client", "dump", "-p"}, "--pid needs a value"},
        Wrong{"PidIsGivenTwice", {"client", "dump", "-p", "1", "-p", "2"}, "--pid is given more than once"},
        Wrong{"NameIsEmpty", {"client", "dump", "-n", ""}, "--name got an empty word"},
        Wrong{"TargetIsEmpty", {"client", "dump", ""}, "TARGET got an empty word"},
        Wrong{"JobIsEmpty", {"client", "run", "--job", "", "--", "true"}, "--job got an empty word"},
        Wrong{"FolderIsEmpty", {"client", "dump", "-p", "1", "-d", ""}, "--dir got an empty word"},
        Wrong{"CheckpointIsEmpty", {"client", "restore", ""}, "CHECKPOINT got an empty word"},
        Wrong{"OneOfTheCheckpointsIsEmpty", {"client", "verify", "a.zip", ""}, "CHECKPOINT got an empty word"},
        Wrong{"PidIsZero", {"client", "dump", "-p", "0"}, "0 is not a pid"},
        Wrong{"PidIsTooLarge", {"client", "dump", "-p", "99999999999"}, "99999999999 is not a pid"},
        Wrong{"DescriptorIsTooLarge",
              {"client", "inspect", "a.zip", "--passphrase-fd", "99999999999"},
              "--passphrase-fd got"},
        Wrong{"PidAndName", {"client", "dump", "-p", "1", "-n", "x"}, "do not go together"},
        Wrong{"PidAndTarget", {"dump", "-p", "1", "x"}, "do not go together"},
        Wrong{"LeaveRunningAndStop", {"client", "dump", "--leave-running", "--stop"}, "do not go together"},
        Wrong{"FlagWithAValue", {"client", "dump", "--stop=maybe"}, "--stop takes no value"},
        Wrong{"OptionWithoutTheOtherOne", {"check", "-d", "/tmp"}, "--dir is of use only with --clean"},
        Wrong{"RestoreWithoutZip", {"client", "restore"}, "CHECKPOINT is missing"},
        Wrong{"FindWithoutName", {"client", "find"}, "NAME is missing"}),
    [](const auto& parameter) { return parameter.param.name; });

} // namespace
} // namespace cedana::testing
