// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/signal_words.hpp"

#include <csignal>

#include <gtest/gtest.h>

namespace cedana {
namespace {

TEST(SignalWords, AreThoseOfAShellsUser) {
    EXPECT_EQ(known_as(SIGINT), "Ctrl-C");
    EXPECT_EQ(known_as(SIGTERM), "SIGTERM");
    EXPECT_EQ(known_as(SIGHUP), "SIGHUP");
    EXPECT_EQ(known_as(SIGRTMAX), "signal " + std::to_string(SIGRTMAX));
}

} // namespace
} // namespace cedana
