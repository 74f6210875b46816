// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/cli/app.hpp"
#include "cedana/cli/command_text.hpp"
#include "cedana/cli/completion.hpp"
#include "cedana/cli/help.hpp"
#include "cedana/cli/manual.hpp"
#include "cedana/cli/terminal.hpp"
#include "cedana/model/settings.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <gtest/gtest.h>

namespace cedana {
namespace {

using Words = std::vector<std::string>;

// A small program of the same make.
class CommandLine : public ::testing::Test {
  protected:
    CommandLine() {
        app.add_option("--config", file, "config file")->type_name("FILE");
        CLI::App* client = app.add_subcommand("client", "checkpoint and restore");
        CLI::App* dump = client->add_subcommand("dump", "checkpoint a process");
        dump->add_option("-p,--pid", text, "root process")->type_name("PID");
        dump->add_option("-d,--dir", text, "folder")->type_name("DIR");
        dump->add_flag("--stop", flag, "end it afterwards");
        dump->footer("examples: cedana client dump -p 1\n          cedana client dump -p 2");
        CLI::App* restore = client->add_subcommand("restore", "bring it back");
        restore->add_option("CHECKPOINT", text, "its path")->required();
        restore->add_option("-d,--dir", text, "store")->type_name("STORE");
        CLI::App* verify = client->add_subcommand("verify", "is it whole");
        verify->add_option("ZIP", list, "checkpoints")->required();
        client->add_subcommand("hidden", "not for people")->group("");
    }
    [[nodiscard]] Offers offers(const Words& words) const { return complete(app, words, sources); }
    [[nodiscard]] Words offered(const Words& words) const {
        Words found;
        for (const Offer& offer : offers(words).words)
            found.push_back(offer.word);
        return found;
    }

    CLI::App app{"a program", "cedana"};
    std::string file;
    std::string text;
    Words list;
    bool flag = false;
    OfferSources sources{
        .pids =
            [] {
                return std::vector<Offer>{{"42", "redis"}};
            },
        .names = [] { return std::vector<Offer>{{"redis"}}; },
        .checkpoints = [](const std::string& folder) { return std::vector<Offer>{{folder + "/a.zip"}}; }};
};

TEST_F(CommandLine, IsDescribedWithoutWhatIsHidden) {
    Words paths;
    for (const CommandText& command : describe_commands(app))
        paths.push_back(command.path);
    EXPECT_EQ(paths, (Words{"cedana", "cedana client", "cedana client dump", "cedana client restore",
                            "cedana client verify"}));
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

TEST_F(CommandLine, CompletesCommands) {
    EXPECT_EQ(offered({""}), (Words{"client"}));
    EXPECT_EQ(offered({"client", "d"}), (Words{"dump", "restore", "verify"}));
}

TEST_F(CommandLine, CompletesOptionsOfTheCommandAndOfTheProgram) {
    EXPECT_EQ(offered({"client", "dump", "--"}), (Words{"--help", "--pid", "--dir", "--stop", "--help", "--config"}));
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
