// SPDX-License-Identifier: Apache-2.0
// The receiving side of a dump: reads every image that CRIU streams into memory that a sink provides. Knows nothing
// of archives. Pages come by reference (vmsplice), so an image is only safe once its pipe is at end of file:
// drained() says when all are.
#pragma once

#include "cedana/criu/streamer_socket.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

namespace cedana::criu {

// Where images go. All calls come from the loop's thread.
class ImageSink {
  public:
    virtual ~ImageSink() = default;
    virtual int begin(const std::string& name) = 0;
    // Memory for the next bytes of an image; empty while there is none (back-pressure).
    virtual std::span<std::byte> space(int image) = 0;
    virtual void filled(int image, std::size_t count) = 0;
    virtual void end(int image) = 0;
    // An eventfd, set when space() may succeed again after it gave none, and when the sink has failed (space() then
    // throws). The capture reads it.
    [[nodiscard]] virtual int space_ready() const = 0;
};

class ImageCapture {
  public:
    ImageCapture(EventLoop& loop, const std::filesystem::path& images, ImageSink& sink);
    ImageCapture(const ImageCapture&) = delete;
    ImageCapture& operator=(const ImageCapture&) = delete;
    ~ImageCapture();

    // Every request has been served and every pipe read to its end.
    [[nodiscard]] bool drained() const { return pipes_.empty() && !socket_.request_pending(); }
    // The safe way to stop CRIU: it gets EPIPE, cures the tree and fails (criu.md).
    void cancel();
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::size_t images() const { return images_; }

  private:
    struct Source {
        UniqueFd pipe;
        int image;
    };
    void add(const std::string& name, UniqueFd pipe);
    void read_from(int fd);

    EventLoop& loop_;
    ImageSink& sink_;
    std::map<int, Source> pipes_;
    std::uint64_t bytes_ = 0;
    std::size_t images_ = 0;
    StreamerSocket socket_;
};

} // namespace cedana::criu
