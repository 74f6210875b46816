// SPDX-License-Identifier: Apache-2.0
// Makes this process hard to end by accident: a tree depends on it.
#pragma once

namespace cedana {

// Gives it a name, and ignores the signals that ask a process to end.
void take_shelter(const char* name);

} // namespace cedana
