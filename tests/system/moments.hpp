// SPDX-License-Identifier: Apache-2.0
// How far a cedana that runs has come: what its CRIU has written to its log.
#pragma once

#include <string>

#include <sys/types.h>

namespace cedana::testing {

// Until the log of the CRIU that this cedana runs holds `text`; from then on the moment passes. Throws Error after a
// while.
void wait_for_dump_log(pid_t cedana, const std::string& text);
void wait_for_restore_log(pid_t cedana, const std::string& text);

} // namespace cedana::testing
