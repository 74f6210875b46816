// SPDX-License-Identifier: Apache-2.0
// CRIU's image-streamer protocol (criu/img-streamer.c, images/img-streamer.proto): over one unix stream socket CRIU
// sends a 4-byte native-endian length and a protobuf with a file name, and then one end of a pipe by SCM_RIGHTS
// (one byte of data beside it). At restore the name is answered first ("exists"), and the pipe comes only if it does.
// This module speaks the protocol; what flows through the pipes is image_capture's and image_serve's.
#pragma once

#include "cedana/base/event_loop.hpp"
#include "cedana/base/unique_fd.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cedana::criu {

enum class Direction { capture, serve };

// The name in a request's protobuf (field 1). Throws Error on anything malformed or on a name with a slash.
[[nodiscard]] std::string parse_request(std::string_view message);
// A framed reply.
[[nodiscard]] std::string format_reply(bool exists);

class StreamerSocket {
  public:
    struct Handlers {
        // serve only: whether the image exists.
        std::function<bool(const std::string& name)> exists;
        // CRIU's pipe for an image, non-blocking: the read end at capture, the write end at serve.
        std::function<void(std::string name, UniqueFd pipe)> pipe;
    };

    // Listens in `images` under the name that CRIU expects there. Throws Error.
    StreamerSocket(EventLoop& loop, const std::filesystem::path& images, Direction direction, Handlers handlers);
    StreamerSocket(const StreamerSocket&) = delete;
    StreamerSocket& operator=(const StreamerSocket&) = delete;
    ~StreamerSocket();

    // CRIU, once it has connected, where this pid namespace has it.
    [[nodiscard]] const std::optional<UniqueFd>& peer() const { return peer_; }
    // true while a request has been received in part or waits unread in the socket.
    [[nodiscard]] bool request_pending() const;
    // Closes everything; CRIU's next request fails.
    void close();

  private:
    void accept_connection();
    void receive();
    void consume(std::string_view bytes, UniqueFd passed);
    void answer(const std::string& name);

    EventLoop& loop_;
    Direction direction_;
    Handlers handlers_;
    std::filesystem::path path_;
    UniqueFd listener_;
    UniqueFd connection_;
    std::optional<UniqueFd> peer_;
    std::string buffer_;
    // A name whose pipe has not come yet.
    std::optional<std::string> expects_pipe_;
};

} // namespace cedana::criu
