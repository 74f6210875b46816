// SPDX-License-Identifier: Apache-2.0
// A restore beside the original, which holds the pids: in a pid namespace of its own, where they are free. CRIU has no
// such mode; it must be started inside (as its own criu-ns script does). So cedana runs itself under another role:
//
//   wrapper   makes the namespace, starts the keeper in it, looks at the tree from outside and ends as CRIU ended
//   keeper    pid 1 in there, with a /proc of its own; runs CRIU, then stays for as long as a process of the tree
//             lives, reaps what is left to it, and ends last, as the root ended. Without it the kernel would end the
//             whole namespace.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cedana::criu {

// The environment variable whose presence makes main() the wrapper, or the keeper if it is empty: the file in which the
// wrapper leaves the keeper's pid.
inline constexpr const char* k_namespace_keeper = "CEDANA_NAMESPACE_KEEPER";

// What main() does as one of them: runs argv[1…] inside; the exit code. Prints to stderr what does not work.
// What CRIU left as the root's pid in its --pidfile is then the pid that it has outside.
[[nodiscard]] int run_in_new_pid_namespace(char** argv);

// `argv` as the wrapper's.
[[nodiscard]] std::vector<std::string> wrapped(std::vector<std::string> argv);

} // namespace cedana::criu
