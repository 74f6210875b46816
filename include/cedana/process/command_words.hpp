// SPDX-License-Identifier: Apache-2.0
// What a command line says: its words without folders, and the script that an interpreter runs. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

// The part after the last '/': "/usr/bin/env" is "env". Trailing slashes do not count.
[[nodiscard]] std::string_view base_name(std::string_view path);

// The words of all arguments (one argument may hold several, as in rewritten titles: "nginx: worker process"),
// folders stripped: "--config=/etc/a.conf" is "--config=a.conf".
[[nodiscard]] std::vector<std::string> command_words(std::span<const std::string> arguments);

// What the interpreter in arguments[0] runs: the base name of the script, a module ("python3 -m http.server"),
// a jar or a class. Absent if it is no interpreter, reads from its input or got the program as an argument.
[[nodiscard]] std::optional<std::string> script_name(std::span<const std::string> arguments);
// Which of the arguments names it; absent as above.
[[nodiscard]] std::optional<std::size_t> script_place(std::span<const std::string> arguments);

} // namespace cedana
