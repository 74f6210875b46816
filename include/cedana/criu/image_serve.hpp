// SPDX-License-Identifier: Apache-2.0
// The sending side of a restore: writes every image that CRIU asks for into the pipe that CRIU gives. Each task of the
// restored tree reads its own pages strictly forward, many at once, with barriers between tasks: so every open pipe
// makes progress on its own, and none ever waits for another.
//
// Large pieces go by reference (vmsplice(2)): the pipe's lock is then held for the time of a few page look-ups, and not
// while a megabyte is copied, for which CRIU, which copies out under the same lock, would have to stop.
#pragma once

#include "cedana/base/event_fd.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/criu/streamer_socket.hpp"
#include "cedana/model/image_stream.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

namespace cedana::criu {

class ImageServer {
  public:
    ImageServer(EventLoop& loop, const std::filesystem::path& images, ImageSource& source);
    ImageServer(const ImageServer&) = delete;
    ImageServer& operator=(const ImageServer&) = delete;
    ~ImageServer();

    // `progress` hears of every piece that CRIU took; `total`: bytes in all.
    void report_to(Progress& progress, std::uint64_t total);
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    // Requests served and bytes taken: it grows as long as CRIU gets on.
    [[nodiscard]] std::uint64_t progress() const { return bytes_ + requests_; }
    // As StreamerSocket::peer().
    [[nodiscard]] const std::optional<UniqueFd>& criu() const { return socket_.peer(); }
    // Bytes are ready for CRIU, and it does not take them.
    [[nodiscard]] bool waits_for_criu();

  private:
    struct Target {
        UniqueFd pipe;
        int stream;
        // What the pipe holds at most.
        std::uint64_t capacity;
        std::uint64_t passed = 0;
        std::uint64_t released = 0;
        // Until the kernel says that CRIU has read from it.
        bool full = false;
    };
    enum class Step { passed, waits, done };

    void add(const std::string& name, UniqueFd pipe);
    void take_wakeups();
    void serve_all();
    [[nodiscard]] Step serve(Target& target);
    void count(Target& target, std::uint64_t passed);
    void remove(int fd);

    EventLoop& loop_;
    ImageSource& source_;
    std::map<int, Target> pipes_;
    std::uint64_t bytes_ = 0;
    std::uint64_t requests_ = 0;
    Progress* progress_ = nullptr;
    std::uint64_t total_ = 0;
    // Edge-triggered: a pipe that is full is looked at again once CRIU has ended a read, not while it copies.
    UniqueFd wakeups_;
    // Somebody may have more to give.
    EventFd again_;
    StreamerSocket socket_;
};

} // namespace cedana::criu
