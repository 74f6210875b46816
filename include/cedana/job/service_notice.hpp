// SPDX-License-Identifier: Apache-2.0
// What systemd is told by whoever it has started (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET names.
#pragma once

#include <string>

namespace cedana::job {

// "READY=1\nSTATUS=…". Nothing without such a socket, or where nobody listens.
void tell_service_manager(const std::string& what);

} // namespace cedana::job
