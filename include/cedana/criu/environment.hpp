// SPDX-License-Identifier: Apache-2.0
// What CRIU is started with, and whether a CRIU is there that can work on this host.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::criu {

// What to do where there is no CRIU that can work: a package and an installation bring the command.
inline constexpr std::string_view k_install_criu = "run cedana-install-criu, or scripts/install-criu in a checkout";

// A fixed PATH, HOME and LANG, nothing of the caller's (no LD_*), then `more`. CRIU_FAULT alone is passed on: it is
// how CRIU's faults are injected in tests, and sudo removes it.
[[nodiscard]] std::vector<std::string> clean_environment(std::vector<std::string> more = {});

// The path of the program: `configured` if it holds a slash, else looked for in the fixed PATH. Throws
// Error(Fault::environment) with what to install.
[[nodiscard]] std::string find_program(const std::string& configured);

// "4.1.1". Throws Error(Fault::environment) if the program does not answer as CRIU does or is older than 4.0, the
// first with a usable --stream here (criu.md).
[[nodiscard]] std::string require_version(const std::string& program);

// The same of a program that has answered before: what it said stands in the file `notes` for as long as the program is
// the same file, unchanged, and a program of machine code (what a script starts may change without it). Where `notes`
// cannot be read or written, the program is asked.
[[nodiscard]] std::string require_version(const std::string& program, const std::filesystem::path& notes);

// From the output of `criu --version`.
[[nodiscard]] std::optional<std::string> parse_version(const std::string& output);

inline constexpr const char* k_nftables = "nftables";
// What to give as --network-lock: CRIU's default is iptables, a program that many hosts no longer have; nftables is
// used through a library. Empty: the default. Asks the program (0.05 s), so only for trees with connections.
[[nodiscard]] std::string usable_network_lock(const std::string& program);

// Runs `criu check`; absent when it passes, else its first telling line. Slow (0.1 s): only to explain a failure.
[[nodiscard]] std::optional<std::string> failed_check(const std::string& program);

} // namespace cedana::criu
