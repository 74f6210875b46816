// SPDX-License-Identifier: Apache-2.0
// The command line: from arguments to requests, from results to text or JSON. Results go to stdout, everything else to
// stderr.
#pragma once

#include <string>
#include <string_view>

namespace cedana {

// The exit code: 0, or the value of a Fault.
[[nodiscard]] int run_command_line(int argc, char** argv);

// The text of the manual page "cedana.1" or "cedana_config.json.5"; empty for another.
[[nodiscard]] std::string manual_page(std::string_view name);

} // namespace cedana
