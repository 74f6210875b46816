// SPDX-License-Identifier: Apache-2.0
// The command line: from arguments to requests, from results to text or JSON. Results go to stdout, everything else to
// stderr.
#pragma once

namespace cedana {

// The exit code: 0, or the value of a Fault.
[[nodiscard]] int run_command_line(int argc, char** argv);

} // namespace cedana
