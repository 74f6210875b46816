// SPDX-License-Identifier: Apache-2.0
// What a TCP connection had in its queues, from CRIU's tcp-stream-INODE.img (images/tcp-stream.proto).
#pragma once

#include <string_view>

namespace cedana::criu {

// Whether there was something to send that was not sent yet. `beginning`: of the image, as far as the queues at least.
// Throws Error(Fault::checkpoint) for what is no such image.
[[nodiscard]] bool has_unsent_data(std::string_view beginning);

} // namespace cedana::criu
