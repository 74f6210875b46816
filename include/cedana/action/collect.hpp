// SPDX-License-Identifier: Apache-2.0
// Refusals as a list: what would end an action one by one is told at once by a look at it.
#pragma once

#include "cedana/base/error.hpp"

#include <functional>
#include <vector>

namespace cedana {

// Runs `work`; an Error that leaves it joins the list. An interrupt is thrown on.
void collect(std::vector<Error>& refusals, const std::function<void()>& work);

} // namespace cedana
