// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/app.hpp"
#include "cedana/cli/command.hpp"
#include "cedana/cli/command_text.hpp"
#include "cedana/cli/completion.hpp"
#include "cedana/cli/help.hpp"
#include "cedana/cli/manual.hpp"
#include "cedana/cli/parser.hpp"
#include "cedana/cli/terminal.hpp"
#include "cedana/model/settings.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cedana {
namespace {

using Words = std::vector<std::string>;

// A small program of the same make.
class CommandLine : public ::testing::Test {
  protected:
    CommandLine() {
        const Command dump{.name = "dump",
                           .summary = "checkpoint a process",
                           .options = {{.names = {"-p", "--pid"},
                                        .value = "PID",
                                        .meaning = "root process",
                                        .target = &pid,
                                        .complete = Complete::pids},
                                       {.names = {"-d", "--dir"},
                                        .value = "DIR",
                                        .meaning = "folder",
                                        .target = &text,
                                        .complete = Complete::folders},
                                       {.names = {"--stop"}, .meaning = "end it afterwards", .target = &flag},
                                       {.names = {"--go-on"}, .target = &other, .excludes = "--stop"},
                                       {.names = {"--arg"}, .value = "ARG", .target = &list, .one_each = true},
                                       {.names = {"--secret"}, .target = &flag, .hidden = true}},
                           .examples = {"cedana client dump -p 1", "cedana client dump -p 2"}};
        const Command restore{.name = "restore",
                              .summary = "bring it back",
                              .options = {{.names = {"CHECKPOINT"},
                                           .meaning = "its path",
                                           .target = &text,
                                           .required = true,
                                           .complete = Complete::checkpoints_or_latest},
                                          {.names = {"-d", "--dir"},
                                           .value = "STORE",
                                           .meaning = "store",
                                           .target = &text,
                                           .complete = Complete::folders}}};
        const Command verify{.name = "verify",
                             .summary = "is it whole",
                             .options = {{.names = {"ZIP"},
                                          .meaning = "checkpoints",
                                          .target = &list,
                                          .required = true,
                                          .complete = Complete::checkpoints}}};
        const Command hidden{.name = "hidden", .summary = "not for people", .hidden = true};
        app = {
            .name = "cedana",
            .summary = "a program",
            .options = {{.names = {"--config"},
                         .value = "FILE",
                         .meaning = "config file",
                         .target = &file,
                         .complete = Complete::files}},
            .commands = {
                {.name = "client", .summary = "checkpoint and restore", .commands = {dump, restore, verify, hidden}}}};
        add_help(app);
    }
    Parsed parsed(const Words& words) {
        std::vector<const char*> argv = {"cedana"};
        for (const std::string& word : words)
            argv.push_back(word.c_str());
        return parse(app, static_cast<int>(argv.size()), argv.data());
    }
    // What a refusal says.
    std::string refusal(const Words& words) {
        try {
            static_cast<void>(parsed(words));
        } catch (const Error& error) {
            return error.message() + " | " + error.hint();
        }
        return "";
    }
    [[nodiscard]] Offers offers(const Words& words) const { return complete(app, words, sources); }
    [[nodiscard]] Words offered(const Words& words) const {
        Words found;
        for (const Offer& offer : offers(words).words)
            found.push_back(offer.word);
        return found;
    }

    Command app;
    std::string file;
    std::optional<std::int64_t> pid;
    std::string text;
    Words list;
    bool flag = false;
    bool other = false;
    OfferSources sources{
        .pids =
            [] {
                return std::vector<Offer>{{"42", "redis"}};
            },
        .names = [] { return std::vector<Offer>{{"redis"}}; },
        .checkpoints = [](const std::string& folder) { return std::vector<Offer>{{folder + "/a.zip"}}; }};
};

TEST_F(CommandLine, IsListedWithoutWhatIsHidden) {
    const auto all = describe_commands(app);
    Words paths;
    for (const CommandText& command : all)
        paths.push_back(command.path);
    EXPECT_EQ(paths, (Words{"cedana", "cedana client", "cedana client dump", "cedana client restore",
                            "cedana client verify", "cedana client hidden"}));
    EXPECT_EQ(program_help(all, 80).find("not for people"), std::string::npos);
    EXPECT_EQ(help_text(all.at(1), all, 80).find("not for people"), std::string::npos);
    EXPECT_NE(help_text(all.at(5), all, 80).find("not for people"), std::string::npos);
}

TEST_F(CommandLine, IsDescribedWithOptionsAndExamples) {
    const CommandText dump = describe_commands(app).at(2);
    EXPECT_EQ(dump.examples, (Words{"cedana client dump -p 1", "cedana client dump -p 2"}));
    EXPECT_EQ(usage_of(dump), "cedana client dump [OPTIONS]");
    EXPECT_EQ(usage_of(describe_commands(app).at(3)), "cedana client restore [OPTIONS] CHECKPOINT");
    EXPECT_EQ(usage_of(describe_commands(app).at(4)), "cedana client verify [OPTIONS] ZIP ...");
    EXPECT_EQ(heading_of(dump.options.at(1)), "-p, --pid PID");
    EXPECT_EQ(heading_of(dump.options.at(3)), "--stop");
}

TEST_F(CommandLine, FillsWhatItsOptionsName) {
    const Parsed dump = parsed({"client", "dump", "-p", "42", "--stop", "--arg=--a", "--arg=--b", "--config", "c"});
    EXPECT_EQ(dump.command, &app.commands.at(0).commands.at(0));
    EXPECT_EQ(dump.path, "cedana client dump");
    EXPECT_EQ(dump.wanted, Wanted::run);
    EXPECT_EQ(pid, 42);
    EXPECT_TRUE(flag);
    EXPECT_FALSE(other);
    EXPECT_EQ(list, (Words{"--a", "--b"}));
    EXPECT_EQ(file, "c");
    EXPECT_EQ(parsed({"client", "verify", "a", "b"}).path, "cedana client verify");
    EXPECT_EQ(list, (Words{"a", "b"}));
    EXPECT_EQ(parsed({"client", "hidden"}).path, "cedana client hidden");
}

TEST_F(CommandLine, HasShortFormsThatFillTheSame) {
    app.commands.push_back(short_form_of(app.commands.at(0), "dump"));
    const Parsed dump = parsed({"dump", "-p", "42"});
    EXPECT_EQ(dump.path, "cedana client dump");
    EXPECT_EQ(pid, 42);
    EXPECT_EQ(refusal({"dump", "--stop", "--go-on"}),
              "--stop and --go-on do not go together | cedana client dump --help");
    const auto all = describe_commands(app);
    EXPECT_EQ(all.size(), 6U);
    EXPECT_EQ(all.at(2).short_path, "cedana dump");
    EXPECT_EQ(all.at(3).short_path, "");
    EXPECT_EQ(offered({""}), (Words{"client", "dump"}));
    EXPECT_EQ(offers_text(offers({"dump", "-p", ""})), "42\tredis\n");
}

TEST_F(CommandLine, KnowsWhoseHelpIsWanted) {
    EXPECT_EQ(parsed({}).wanted, Wanted::help);
    EXPECT_EQ(parsed({"client"}).path, "cedana client");
    const Parsed help = parsed({"client", "dump", "--help"});
    EXPECT_EQ(help.wanted, Wanted::help);
    EXPECT_EQ(help.path, "cedana client dump");
    EXPECT_EQ(parsed({"-h"}).path, "cedana");
}

TEST_F(CommandLine, RefusesWhatItDoesNotKnowAndNamesWhatWasMeant) {
    EXPECT_EQ(refusal({"clinet"}), "there is no command 'clinet'; did you mean client? | cedana --help");
    EXPECT_EQ(refusal({"client", "dumpp"}), "there is no command 'dumpp'; did you mean dump? | cedana client --help");
    EXPECT_EQ(refusal({"client", "dump", "--stpo"}),
              "there is no option '--stpo'; did you mean --stop? | cedana client dump --help");
    EXPECT_EQ(refusal({"client", "dump", "--confgi"}),
              "there is no option '--confgi'; did you mean --config? | cedana client dump --help");
    EXPECT_EQ(refusal({"client", "--config", "x"}), "a command is missing | cedana client --help");
    EXPECT_EQ(refusal({"client", "restore"}), "CHECKPOINT is missing | cedana client restore --help");
    EXPECT_EQ(refusal({"client", "dump", "--stop", "--go-on"}),
              "--stop and --go-on do not go together | cedana client dump --help");
    EXPECT_EQ(refusal({"client", "dump", "--arg="}), "--arg= has no value | ");
    EXPECT_EQ(refusal({"dumpp"}), "there is no command 'dumpp' here; did you mean cedana client dump? | cedana --help");
}

TEST_F(CommandLine, CompletesCommands) {
    EXPECT_EQ(offered({""}), (Words{"client"}));
    EXPECT_EQ(offered({"client", "d"}), (Words{"dump", "restore", "verify"}));
}

TEST_F(CommandLine, CompletesOptionsOfTheCommandAndOfTheProgram) {
    EXPECT_EQ(offered({"client", "dump", "--"}),
              (Words{"--help", "--pid", "--dir", "--stop", "--go-on", "--arg", "--help", "--config"}));
}

TEST_F(CommandLine, CompletesPidsWithTheirNames) {
    const Offers found = offers({"client", "dump", "-p", ""});
    EXPECT_EQ(offers_text(found), "42\tredis\n");
    EXPECT_EQ(offers_text(offers({"client", "dump", "--stop", "--pid", "4"})), "42\tredis\n");
}

TEST_F(CommandLine, CompletesFoldersAndFiles) {
    EXPECT_EQ(offers({"client", "dump", "-d", ""}).paths, Paths::folders);
    EXPECT_EQ(offers({"--config", ""}).paths, Paths::files);
    EXPECT_EQ(offers({"client", "dump", ""}).paths, Paths::none);
}

TEST_F(CommandLine, CompletesCheckpointsOfTheStoreThatWasNamed) {
    EXPECT_EQ(offered({"client", "restore", "-d", "/s", ""}), (Words{"latest", "/s/a.zip"}));
    EXPECT_EQ(offered({"client", "restore", "/s/a.zip", ""}), Words());
    EXPECT_EQ(offered({"client", "verify", "/s/a.zip", ""}), (Words{"/a.zip"}));
}

TEST_F(CommandLine, CompletesNothingForAValueThatIsAnybodysGuess) {
    EXPECT_TRUE(offered({"client", "nothing-such", "x", ""}).size() == 3U);
    EXPECT_EQ(offers_text(offers({"client", "dump", "x", ""})), "");
}

TEST(Wrapped, BreaksBetweenWords) {
    EXPECT_EQ(wrapped("one two three", 7), (Words{"one two", "three"}));
    EXPECT_EQ(wrapped("incomprehensibly long", 5), (Words{"incomprehensibly", "long"}));
    EXPECT_EQ(wrapped("", 5), (Words{""}));
}

TEST_F(CommandLine, HasHelpNoWiderThanTheTerminal) {
    const auto all = describe_commands(app);
    for (const CommandText& command : all)
        for (const std::string& line : split(help_text(command, all, 60), '\n'))
            EXPECT_LE(display_width(line), 60U) << line;
}

// A line that begins with a dot or a quote is a request of man(7): only the known ones may be there.
TEST(Manual, HoldsNoRequestThatATextBrought) {
    const Words known = {".TH", ".SH", ".SS", ".TP", ".B", ".PP", ".br", ".RS", ".RE", ".EX", ".EE"};
    for (const char* page : {"cedana.1", "cedana_config.json.5"}) {
        const std::string text = manual_page(page);
        EXPECT_TRUE(text.starts_with(".TH CEDANA"));
        for (const std::string& line : split(text, '\n'))
            EXPECT_TRUE((!line.starts_with('.') && !line.starts_with('\'')) ||
                        std::ranges::count(known, line.substr(0, line.find(' '))) == 1)
                << line;
    }
}

TEST(Manual, HasEverySetting) {
    for (const Setting& setting : settings())
        EXPECT_NE(settings_manual().find(setting.key), std::string::npos) << setting.key;
}

TEST(Manual, HasEveryCommandWithAnExample) {
    const std::string page = manual_page("cedana.1");
    for (const char* command : {"client dump", "client restore", "client list", "client inspect", "client find",
                                "check", "config show", "completion"})
        EXPECT_NE(page.find(std::string(".SS cedana ") + command), std::string::npos) << command;
}

TEST(Manual, OfNothingElseIsEmpty) { EXPECT_EQ(manual_page("cedana.8"), ""); }

} // namespace
} // namespace cedana
