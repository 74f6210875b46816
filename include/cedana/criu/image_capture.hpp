// SPDX-License-Identifier: Apache-2.0
// The receiving side of a dump: reads every image that CRIU streams into memory that a sink provides. Knows nothing
// of archives. Pages come by reference (vmsplice), so an image is only safe once its pipe is at end of file:
// drained() says when all are.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/criu/streamer_socket.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace cedana::criu {

class ImageCapture {
  public:
    ImageCapture(EventLoop& loop, const std::filesystem::path& images, ImageSink& sink);
    // `progress` hears of every piece, and that the tree stands still with the first image: CRIU writes nothing before
    // it has frozen the tree. `expected`: bytes in all, as far as that is known.
    void report_to(Progress& progress, std::uint64_t expected);
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
    Progress* progress_ = nullptr;
    std::uint64_t expected_ = 0;
    StreamerSocket socket_;
};

} // namespace cedana::criu
