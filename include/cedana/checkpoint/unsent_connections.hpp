// SPDX-License-Identifier: Apache-2.0
// Which TCP connections of a tree had data that they had not sent yet, since the other end did not read; by CRIU's
// tcp-stream-INODE.img (images/tcp-stream.proto).
#pragma once

#include "cedana/checkpoint/reader.hpp"
#include "cedana/criu/file_table.hpp"

#include <vector>

namespace cedana {

// Of these sockets. Throws Error(Fault::checkpoint) for an image that is damaged.
[[nodiscard]] std::vector<criu::DumpedInet> unsent_connections(const Checkpoint& checkpoint,
                                                               const std::vector<criu::DumpedInet>& sockets);

} // namespace cedana
