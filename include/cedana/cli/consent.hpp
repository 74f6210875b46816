// SPDX-License-Identifier: Apache-2.0
// A question on the terminal before what nobody can take back.
#pragma once

#include "cedana/base/signals.hpp"

#include <string>

namespace cedana {

// Asks where a person sits: with a terminal at standard input and at standard error. A script is not asked. Throws
// Error(Fault::usage) unless the answer is yes, Error(Fault::interrupted).
void require_consent(const std::string& question, const Interrupt& interrupt);

} // namespace cedana
