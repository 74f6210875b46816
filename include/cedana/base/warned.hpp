// SPDX-License-Identifier: Apache-2.0
// Warnings of what is tried again and again: one when it begins to fail, and none until it has worked again.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace cedana {

class Warned {
  public:
    // `what`: of what is warned, as a word; `text`: the warning.
    void fails(std::string_view what, std::string_view text);
    void works(std::string_view what);

  private:
    std::set<std::string, std::less<>> failing_;
};

} // namespace cedana
