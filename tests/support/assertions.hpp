// SPDX-License-Identifier: Apache-2.0
// Claims about output that say what was found when they do not hold.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cedana::testing {

[[nodiscard]] inline ::testing::AssertionResult holds(const std::string& text, const std::string& part) {
    if (text.find(part) != std::string::npos)
        return ::testing::AssertionSuccess() << "'" << part << "' is in: " << text;
    return ::testing::AssertionFailure() << "'" << part << "' is not in: " << text;
}

// The whole text, by an ECMAScript regular expression.
[[nodiscard]] ::testing::AssertionResult matches(const std::string& text, const std::string& pattern);

// The one line of a text that ends in a newline; fails the test when it is not one line.
[[nodiscard]] std::string only_line(const std::string& text);
// The one element; fails the test when there are none or more.
[[nodiscard]] std::string only(const std::vector<std::string>& texts);

} // namespace cedana::testing
