// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/unsent_connections.hpp"

#include "cedana/archive/frame_reader.hpp"
#include "cedana/criu/tcp_stream.hpp"

#include <cstddef>
#include <span>
#include <string>

#include <spdlog/fmt/fmt.h>

#include <netinet/in.h>

namespace cedana {

namespace {

// The data stands behind what tells of it.
std::string beginning_of(FrameReader& reader, const ImageRecord& image) {
    std::string content(image.frames.empty() ? 0 : image.frames.front().size, '\0');
    if (!content.empty())
        reader.read(image, 0, std::as_writable_bytes(std::span(content)));
    return content;
}

} // namespace

std::vector<criu::DumpedInet> unsent_connections(const Checkpoint& checkpoint,
                                                 const std::vector<criu::DumpedInet>& sockets) {
    FrameReader reader(checkpoint.zip(), k_images_folder);
    std::vector<criu::DumpedInet> unsent;
    for (const criu::DumpedInet& socket : sockets) {
        if (socket.protocol != IPPROTO_TCP || !socket.is_connection())
            continue;
        const ImageRecord* const image = checkpoint.index().find(fmt::format("tcp-stream-{:x}.img", socket.inode));
        if (image != nullptr && criu::has_unsent_data(beginning_of(reader, *image)))
            unsent.push_back(socket);
    }
    return unsent;
}

} // namespace cedana
