// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_capture.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace cedana::criu {

ImageCapture::ImageCapture(EventLoop& loop, const std::filesystem::path& images, ImageSink& sink)
    : loop_(loop), sink_(sink),
      socket_(loop, images, Direction::capture,
              {.exists = {}, .pipe = [this](const std::string& name, UniqueFd pipe) { add(name, std::move(pipe)); }}) {
    loop_.watch(sink_.space_ready(), POLLIN, [this](short) {
        std::uint64_t count = 0;
        if (::read(sink_.space_ready(), &count, sizeof count) < 0)
            return;
        for (const auto& [fd, source] : pipes_)
            loop_.wait_for(fd, POLLIN);
    });
}

ImageCapture::~ImageCapture() { cancel(); }

void ImageCapture::report_to(Progress& progress, std::uint64_t expected) {
    progress_ = &progress;
    expected_ = expected;
}

void ImageCapture::add(const std::string& name, UniqueFd pipe) {
    const int fd = pipe.get();
    if (images_ == 0 && progress_ != nullptr)
        progress_->frozen(true);
    const int image = sink_.begin(name);
    ++images_;
    pipes_.emplace(fd, Source{.pipe = std::move(pipe), .image = image});
    loop_.watch(fd, POLLIN, [this, fd](short) { read_from(fd); });
}

void ImageCapture::read_from(int fd) {
    const int image = pipes_.at(fd).image;
    const std::span<std::byte> space = sink_.space(image);
    if (space.empty()) {
        // This pipe alone waits: another image may still have room, and the sink may need its end to make more.
        loop_.wait_for(fd, 0);
        return;
    }
    const ssize_t count = ::read(fd, space.data(), space.size());
    if (count < 0) {
        const int err = errno;
        if (err == EAGAIN || err == EINTR)
            return;
        throw os_error(err, "cannot read an image from criu");
    }
    if (count > 0) {
        sink_.filled(image, static_cast<std::size_t>(count));
        bytes_ += static_cast<std::size_t>(count);
        if (progress_ != nullptr)
            progress_->bytes(bytes_, expected_);
        return;
    }
    sink_.end(image);
    loop_.unwatch(fd);
    pipes_.erase(fd);
}

void ImageCapture::cancel() {
    for (const auto& [fd, source] : pipes_)
        loop_.unwatch(fd);
    pipes_.clear();
    loop_.unwatch(sink_.space_ready());
    socket_.close();
}

} // namespace cedana::criu
