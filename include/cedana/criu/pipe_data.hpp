// SPDX-License-Identifier: Apache-2.0
// What lay unread in the pipes of a tree when it was dumped: CRIU keeps it in an image of its own, but puts it back
// only into pipes that it makes itself, not into those that it is given (criu/pipes.c, open_pipe).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace cedana::criu {

inline constexpr const char* k_pipe_data_image = "pipes-data.img";

struct PipeData {
    // What the pipe could hold, in bytes; 0: not known.
    std::uint64_t capacity = 0;
    std::string unread;
};

// By the inode of the pipe. Throws Error(Fault::checkpoint) for what is no such image.
[[nodiscard]] std::map<std::uint64_t, PipeData> parse_pipe_data(std::string_view image);

} // namespace cedana::criu
