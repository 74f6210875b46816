// SPDX-License-Identifier: Apache-2.0
// The terminal that a tree has from outside, as a container has its console, by CRIU's tty-info.img (images/tty.proto).
// CRIU restores one that it is given by its name, with the session whose terminal it is (criu/tty.c, ext_driver): such
// a tree need not be its heir, as with --shell-job.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cedana::criu {

// "tty[8800:7d]", as --inherit-fd has it: the slave whose other end is not in the tree. Absent if there is none. Of
// several the one that is the terminal of a session, or the first. Throws Error(Fault::checkpoint).
[[nodiscard]] std::optional<std::string> find_console(std::string_view terminals);

} // namespace cedana::criu
