// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/alike.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cedana {
namespace {

using Sentences = std::vector<std::string>;

std::string unread(const std::string& process, int descriptor) {
    return "the events that " + process + " has not read (descriptor " + std::to_string(descriptor) + ")";
}

TEST(SaidOnce, NamesTwoOthersAndCountsTheRest) {
    EXPECT_EQ(said_once_of_processes({unread("process 42 (cron)", 5), unread("process 43 (atd)", 17),
                                      unread("process 44 (atd)", 5), unread("process 45 (sh)", 5),
                                      unread("process 46 (sh)", 5)}),
              Sentences{unread("process 42 (cron)", 5) +
                        "; the same goes for process 43 (atd), process 44 (atd) and 2 more"});
}

TEST(SaidOnce, CountsHowOftenItIsSaidOfOne) {
    EXPECT_EQ(said_once_of_processes(
                  {unread("process 42 (cron)", 5), unread("process 42 (cron)", 6), unread("process 42 (cron)", 7)}),
              Sentences{unread("process 42 (cron)", 5) + " (3 times)"});
}

TEST(SaidOnce, KeepsApartWhatSaysAnotherThing) {
    const Sentences two = {"the datagrams that process 42 (a) has not read from descriptor 5",
                           "the events that process 42 (a) has not read from its inotify (descriptor 5)"};
    EXPECT_EQ(said_once_of_processes(two), two);
}

TEST(SaidOnce, TakesTheKindThatItIsTold) {
    EXPECT_EQ(said_once({Said{.sentence = "/a is large", .object = "/a", .kind = "large"},
                         Said{.sentence = "/b is gone", .object = "/b", .kind = "gone"},
                         Said{.sentence = "/c is large", .object = "/c", .kind = "large"}}),
              (Sentences{"/a is large; the same goes for /c", "/b is gone"}));
}

} // namespace
} // namespace cedana
