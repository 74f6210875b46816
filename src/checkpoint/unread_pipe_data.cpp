// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/unread_pipe_data.hpp"

#include <cstddef>
#include <span>
#include <string>

#include <poll.h>
#include <unistd.h>

namespace cedana {

namespace {

std::string read_whole(ImageSource& images, const char* name) {
    std::string content;
    const int stream = images.open(name);
    while (!images.at_end(stream)) {
        const std::span<const std::byte> piece = images.ready(stream);
        if (piece.empty()) {
            pollfd entry{.fd = images.data_ready(), .events = POLLIN, .revents = 0};
            ::poll(&entry, 1, -1);
            std::uint64_t count = 0;
            [[maybe_unused]] const ssize_t taken = ::read(entry.fd, &count, sizeof count);
            continue;
        }
        content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        images.passed(stream, piece.size());
        images.released(stream, piece.size());
    }
    images.close(stream);
    return content;
}

} // namespace

std::map<std::uint64_t, criu::PipeData> unread_in_pipes(ImageSource& images) {
    if (!images.exists(criu::k_pipe_data_image))
        return {};
    return criu::parse_pipe_data(read_whole(images, criu::k_pipe_data_image));
}

} // namespace cedana
