// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/process/name_score.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace cedana {
namespace {

struct Names {
    std::string comm;
    std::string program = {};
    std::vector<std::string> arguments = {};
};

NameMatch match(std::string_view name, const Names& process) {
    return NameScore(name).of(process.comm, process.program, process.arguments);
}

TEST(NameScore, IsOneLessTheShareOfEdits) { EXPECT_DOUBLE_EQ(match("ngimx", {.comm = "nginx"}).score, 0.8); }

TEST(NameScore, IsTheBestOverAllThatAProcessIsCalled) {
    const Names process = {.comm = "main-thread",
                           .program = "/usr/bin/python3.11",
                           .arguments = {"/usr/bin/python3", "-u", "/srv/train.py", "--epochs", "10"}};
    const std::vector<std::pair<std::string, MatchKind>> table = {
        {"main-thread", MatchKind::comm},        {"python3.11", MatchKind::program},
        {"train.py", MatchKind::script},         {"python3 -u train.py --epochs 10", MatchKind::command_line},
        {"train.py --epochs", MatchKind::words}, {"/home/me/train.py", MatchKind::script},
    };
    for (const auto& [name, kind] : table) {
        EXPECT_DOUBLE_EQ(match(name, process).score, 1.0) << name;
        EXPECT_EQ(match(name, process).kind, kind) << name;
    }
}

TEST(NameScore, TakesHyphenUnderscoreAndSpaceForTheSame) {
    const Names script = {.comm = "x", .arguments = {"python3", "jupyter-notebook"}};
    const Names two_words = {.comm = "x", .arguments = {"jupyter", "notebook", "--port", "1"}};
    for (const std::string_view name : {"jupyter notebook", "jupyter-notebook", "jupyter_notebook"}) {
        EXPECT_DOUBLE_EQ(match(name, script).score, 1.0) << name;
        EXPECT_DOUBLE_EQ(match(name, two_words).score, 1.0) << name;
    }
}

TEST(NameScore, IsExactForWhatAProcessIsCalledWhateverTheCase) {
    const Names process = {.comm = "main-thread",
                           .program = "/usr/bin/python3.11",
                           .arguments = {"/usr/bin/python3", "-u", "/srv/my_train.py", "--epochs", "10"}};
    for (const std::string_view name : {"Main Thread", "mainthread", "Python3.11", "my-train.py", "MyTrain",
                                        "my train.py --epochs", "python3 my_train.py", "python3 -u my_train.py",
                                        "python3 my_train.py --epochs 10", "/srv/my_train.py", "./my_train.py"}) {
        EXPECT_NE(match(name, process).fit, Fit::near) << name;
        EXPECT_EQ(match(name, process).score, 1.0) << name;
    }
    for (const std::string_view name : {"--epochs", "epochs 10", "my_train.p", "python3 --epochs", "train.py",
                                        "/opt/my_train.py", "my_train.py 10", "my_train.sh"})
        EXPECT_EQ(match(name, process).fit, Fit::near) << name;
}

TEST(NameScore, TakesAModuleForAScriptWithoutASuffix) {
    const Names server = {.comm = "python3", .arguments = {"python3", "-m", "http.server", "8000"}};
    EXPECT_EQ(match("http.server", server).fit, Fit::same);
    EXPECT_EQ(match("http", server).fit, Fit::near);
}

TEST(NameScore, IsTheSameOnlyLetterForLetter) {
    EXPECT_EQ(match("redis-server", {.comm = "redis_server"}).fit, Fit::same);
    EXPECT_EQ(match("redis-server", {.comm = "Redis-Server"}).fit, Fit::exact);
    EXPECT_EQ(match("a", {.comm = "sh", .arguments = {"sh", "a.sh"}}).fit, Fit::exact);
}

TEST(NameScore, DoesNotTakePartsOfAWordForAWord) {
    EXPECT_LT(match("server", {.comm = "my-server-daemon", .arguments = {"my-server-daemon"}}).score, 0.6);
}

TEST(NameScore, IsNothingWhenItIsNotWorthShowing) {
    EXPECT_EQ(match("postgres", {.comm = "vim", .program = "vim", .arguments = {"vim"}}).score, 0);
}

TEST(NameScore, NeedsAName) {
    for (const std::string_view name : {"", "  ", "-", "- _"})
        EXPECT_THROW(NameScore{name}, Error) << name;
}

} // namespace
} // namespace cedana
