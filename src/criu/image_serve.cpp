// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_serve.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace cedana::criu {

ImageServer::ImageServer(EventLoop& loop, const std::filesystem::path& images, ImageSource& source)
    : loop_(loop), source_(source),
      socket_(loop, images, Direction::serve,
              {.exists =
                   [this](const std::string& name) {
                       ++requests_;
                       return source_.exists(name);
                   },
               .pipe = [this](const std::string& name, UniqueFd pipe) { add(name, std::move(pipe)); }}) {
    loop_.watch(source_.data_ready(), POLLIN, [this](short) {
        std::uint64_t count = 0;
        if (::read(source_.data_ready(), &count, sizeof count) < 0)
            return;
        for (const auto& [fd, target] : pipes_)
            loop_.wait_for(fd, POLLOUT);
    });
}

ImageServer::~ImageServer() {
    loop_.unwatch(source_.data_ready());
    while (!pipes_.empty())
        remove(pipes_.begin()->first);
}

void ImageServer::add(const std::string& name, UniqueFd pipe) {
    const int fd = pipe.get();
    pipes_.emplace(fd, Target{.pipe = std::move(pipe), .stream = source_.open(name)});
    loop_.watch(fd, POLLOUT, [this, fd](short) { write_to(fd); });
}

void ImageServer::write_to(int fd) {
    const int stream = pipes_.at(fd).stream;
    const std::span<const std::byte> data = source_.ready(stream);
    if (data.empty()) {
        if (source_.at_end(stream))
            remove(fd);
        else
            loop_.wait_for(fd, 0);
        return;
    }
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count > 0) {
        source_.sent(stream, static_cast<std::size_t>(count));
        bytes_ += static_cast<std::uint64_t>(count);
        return;
    }
    const int err = errno;
    if (err == EAGAIN || err == EINTR)
        return;
    // CRIU does not read every image to its end; whether that was right is its exit status to say.
    if (err == EPIPE)
        return remove(fd);
    throw os_error(err, "cannot pass an image to criu");
}

void ImageServer::remove(int fd) {
    source_.close(pipes_.at(fd).stream);
    loop_.unwatch(fd);
    pipes_.erase(fd);
}

bool ImageServer::waits_for_criu() {
    return std::ranges::any_of(pipes_,
                               [this](const auto& entry) { return !source_.ready(entry.second.stream).empty(); });
}

} // namespace cedana::criu
