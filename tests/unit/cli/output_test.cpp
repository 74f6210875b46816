// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/output.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

TEST(ErrorText, BreaksNoHintThatMayBeTyped) {
    const std::string hint = "look where it leads, and remove it: rm '/tmp/a b'";
    const std::string text = error_text(Error(Fault::storage, "one two three four five six").hint(hint), 30);
    EXPECT_NE(text.find("  hint:  " + hint + "\n"), std::string::npos) << text;
    EXPECT_NE(text.find("\n         six"), std::string::npos) << text;
}

TEST(ErrorText, ColoursOnlyWhereThatIsWanted) {
    const Error error(Fault::storage, "no room");
    EXPECT_EQ(error_text(error), "error: no room\n");
    EXPECT_EQ(error_text(error, 0, Paint::coloured), "\x1b[31merror\x1b[0m: no room\n");
}

} // namespace
} // namespace cedana
