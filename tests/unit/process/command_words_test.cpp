// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/command_words.hpp"

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

namespace cedana {
namespace {

using Words = std::vector<std::string>;

TEST(BaseName, IsWhatFollowsTheLastFolder) {
    EXPECT_EQ(base_name("/usr/bin/env"), "env");
    EXPECT_EQ(base_name("env"), "env");
    EXPECT_EQ(base_name("/srv/data/"), "data");
    EXPECT_EQ(base_name("/"), "/");
    EXPECT_EQ(base_name(""), "");
}

TEST(CommandWords, HaveNoFolders) {
    EXPECT_EQ(command_words(Words{"/usr/bin/python3", "./a/train.py", "--config=/etc/a.conf", "-x=", "8"}),
              (Words{"python3", "train.py", "--config=a.conf", "-x=", "8"}));
}

TEST(CommandWords, AreAlsoFoundWithinOneArgument) {
    EXPECT_EQ(command_words(Words{"nginx: master process /usr/sbin/nginx ", ""}),
              (Words{"nginx:", "master", "process", "nginx"}));
}

TEST(ScriptName, IsWhatTheInterpreterRuns) {
    const std::vector<std::pair<Words, std::string>> table = {
        {{"/usr/bin/python3", "/usr/local/bin/jupyter-notebook", "--port", "8000"}, "jupyter-notebook"},
        {{"python3", "-u", "train.py"}, "train.py"},
        {{"python3.11", "-X", "dev", "-W", "ignore", "train.py", "-c", "x"}, "train.py"},
        {{"python3", "-m", "http.server", "8000"}, "http.server"},
        {{"python3", "-um", "http.server"}, "http.server"},
        {{"python", "--", "-odd.py"}, "-odd.py"},
        {{"pypy3", "a.py"}, "a.py"},
        {{"bash", "/opt/run.sh", "now"}, "run.sh"},
        {{"-bash", "run.sh"}, "run.sh"},
        {{"bash", "--rcfile", "rc", "-e", "run.sh"}, "run.sh"},
        {{"/bin/sh", "-eu", "run.sh"}, "run.sh"},
        {{"sh", "-o", "pipefail", "run.sh"}, "run.sh"},
        {{"dash", "+x", "run.sh"}, "run.sh"},
        {{"node", "--max-old-space-size=4096", "-r", "dotenv/config", "server.js"}, "server.js"},
        {{"/usr/bin/perl5.36", "-w", "-I", "lib", "a.pl"}, "a.pl"},
        {{"ruby3.1", "-W0", "bin/rails", "server"}, "rails"},
        {{"php", "-f", "a.php"}, "a.php"},
        {{"java", "-Xmx512m", "-cp", "/a:/b", "-jar", "/opt/app.jar", "run"}, "app.jar"},
        {{"/usr/lib/jvm/bin/java", "-server", "-cp", "/a", "org.example.Main"}, "org.example.Main"},
        {{"java", "-m", "app/org.example.Main"}, "org.example.Main"},
    };
    for (const auto& [arguments, script] : table)
        EXPECT_EQ(script_name(arguments).value_or("(none)"), script) << fmt::format("{}", fmt::join(arguments, " "));
}

TEST(ScriptName, IsAbsentWhereNoScriptIsNamed) {
    const std::vector<Words> table = {
        {},           {""},
        {"nginx"},    {"vim", "train.py"},
        {"python3"},  {"python3", "-c", "import train", "train.py"},
        {"bash"},     {"bash", "-c", "train.sh"},
        {"-bash"},    {"bash", "-lc", "train.sh"},
        {"sh", "-"},  {"sh", "-ec", "train.sh"},
        {"node"},     {"node", "-e", "1"},
        {"perl"},     {"perl", "-ne", "print"},
        {"java"},     {"java", "-jar"},
        {"sh", "-o"}, {"python3", "-m"},
        {"3.11"},     {"pythonista", "a.py"},
    };
    for (const Words& arguments : table)
        EXPECT_EQ(script_name(arguments).value_or("(none)"), "(none)") << fmt::format("{}", fmt::join(arguments, " "));
}

} // namespace
} // namespace cedana
