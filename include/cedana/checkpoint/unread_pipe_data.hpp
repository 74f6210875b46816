// SPDX-License-Identifier: Apache-2.0
// What lay unread in the pipes of a tree, out of its checkpoint.
#pragma once

#include "cedana/criu/pipe_data.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstdint>
#include <map>

namespace cedana {

// By inode. Blocks while the image is decompressed. Throws Error(Fault::checkpoint) if it is damaged.
[[nodiscard]] std::map<std::uint64_t, criu::PipeData> unread_in_pipes(ImageSource& images);

} // namespace cedana
