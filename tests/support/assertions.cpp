// SPDX-License-Identifier: Apache-2.0
#include "support/assertions.hpp"

#include "cedana/base/text.hpp"

#include <regex>

namespace cedana::testing {

::testing::AssertionResult matches(const std::string& text, const std::string& pattern) {
    if (std::regex_match(text, std::regex(pattern)))
        return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "not of the form " << pattern << ": " << text;
}

std::string only_line(const std::string& text) {
    EXPECT_EQ(text.find('\n'), text.size() - 1) << "not one line: " << text;
    return std::string(trim(text));
}

std::string only(const std::vector<std::string>& texts) {
    EXPECT_EQ(texts.size(), 1U) << "not one: " << ::testing::PrintToString(texts);
    return texts.empty() ? std::string() : texts.front();
}

} // namespace cedana::testing
