// SPDX-License-Identifier: Apache-2.0
// The receiving side of a dump: reads every image that CRIU streams into memory that a sink provides. Knows nothing
// of archives. Pages come by reference (vmsplice), so an image is only safe once its pipe is at end of file:
// drained() says when all are.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/criu/foreseen_pages.hpp"
#include "cedana/criu/streamer_socket.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <string>

namespace cedana::criu {

class ImageCapture {
  public:
    ImageCapture(EventLoop& loop, const std::filesystem::path& images, ImageSink& sink);
    // `progress` hears of every piece, and that the tree stands still with the first image: CRIU writes nothing before
    // it has frozen the tree. `expected`: bytes in all, as far as that is known.
    void report_to(Progress& progress, std::uint64_t expected);
    // Must outlive this. Pages that it has copies of are not read. Where others come than it has foreseen, OtherPages
    // is thrown from the loop.
    void expect(ForeseenPages& pages) { foreseen_ = &pages; }
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
    // A task of which the pages are foreseen.
    struct Task {
        PageFlow flow;
        // What has come of its pagemap.
        std::string pagemap = {};
        // The name of the image of its pages once that has ended.
        std::string pages = {};
        bool has_pagemap = false;
    };
    struct Source {
        std::string name;
        UniqueFd pipe;
        int image;
        // Not read, but taken from there.
        Task* pages = nullptr;
        // Read, and kept there too.
        Task* pagemap = nullptr;
    };
    void add(const std::string& name, UniqueFd pipe);
    void foresee(const std::string& name, Source& source);
    void read_from(int fd);
    [[nodiscard]] PageFlow::Read read_pages(Source& source);
    [[nodiscard]] PageFlow::Read read_bytes(Source& source);
    void end(Source& source);
    void note_bytes(std::uint64_t count);

    EventLoop& loop_;
    ImageSink& sink_;
    std::map<int, Source> pipes_;
    ForeseenPages* foreseen_ = nullptr;
    std::list<Task> tasks_;
    // The one whose pagemap was begun last: CRIU begins the image of its pages next (open_page_local_xfer() of
    // criu/page-xfer.c).
    Task* last_task_ = nullptr;
    std::uint64_t bytes_ = 0;
    std::size_t images_ = 0;
    Progress* progress_ = nullptr;
    std::uint64_t expected_ = 0;
    StreamerSocket socket_;
};

} // namespace cedana::criu
