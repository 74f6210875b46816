// SPDX-License-Identifier: Apache-2.0
// The process that puts the memory of a lazily restored tree in place, out of the checkpoint.
#pragma once

namespace cedana {

// What main() does as the server: the exit code. Its standard error is the log.
[[nodiscard]] int run_lazy_server();

} // namespace cedana
