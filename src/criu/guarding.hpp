// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cedana::criu {

// In action_main.cpp's program: stands between cedana and the CRIU of a restore (guard_words.hpp). The exit code.
int guard_criu(const char* const* arguments, const char* const* environment);

} // namespace cedana::criu
