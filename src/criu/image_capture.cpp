// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_capture.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>
#include <utility>

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
    Source source{.name = name, .pipe = std::move(pipe), .image = sink_.begin(name)};
    ++images_;
    if (foreseen_ != nullptr)
        foresee(name, source);
    pipes_.emplace(fd, std::move(source));
    loop_.watch(fd, POLLIN, [this, fd](short) { read_from(fd); });
}

void ImageCapture::foresee(const std::string& name, Source& source) {
    if (const auto task = task_of_image(name, "pagemap-")) {
        auto runs = foreseen_->foresee(*task);
        if (runs)
            source.pagemap = &tasks_.emplace_back(Task{.flow = PageFlow(*task, std::move(*runs))});
        last_task_ = source.pagemap;
    } else if (name.starts_with("pages-")) {
        source.pages = std::exchange(last_task_, nullptr);
    }
}

void ImageCapture::read_from(int fd) {
    Source& source = pipes_.at(fd);
    if ((source.pages != nullptr ? read_pages(source) : read_bytes(source)) != PageFlow::Read::end)
        return;
    end(source);
    loop_.unwatch(fd);
    pipes_.erase(fd);
}

PageFlow::Read ImageCapture::read_pages(Source& source) {
    PageFlow& flow = source.pages->flow;
    const std::uint64_t before = flow.bytes();
    const PageFlow::Read read = flow.read(source.pipe.get(), sink_, source.image);
    note_bytes(flow.bytes() - before);
    return read;
}

PageFlow::Read ImageCapture::read_bytes(Source& source) {
    const int fd = source.pipe.get();
    const std::span<std::byte> space = sink_.space(source.image);
    if (space.empty()) {
        // This pipe alone waits: another image may still have room, and the sink may need its end to make more.
        loop_.wait_for(fd, 0);
        return PageFlow::Read::nothing_yet;
    }
    const ssize_t count = ::read(fd, space.data(), space.size());
    if (count < 0) {
        const int err = errno;
        if (err == EAGAIN || err == EINTR)
            return PageFlow::Read::nothing_yet;
        throw os_error(err, "cannot read an image from criu");
    }
    if (count == 0)
        return PageFlow::Read::end;
    const auto read = space.first(static_cast<std::size_t>(count));
    if (source.pagemap != nullptr)
        source.pagemap->pagemap.append(reinterpret_cast<const char*>(read.data()), read.size());
    sink_.filled(source.image, read.size());
    note_bytes(read.size());
    return PageFlow::Read::some;
}

void ImageCapture::note_bytes(std::uint64_t count) {
    bytes_ += count;
    if (progress_ != nullptr && count > 0)
        progress_->bytes(bytes_, expected_);
}

void ImageCapture::end(Source& source) {
    sink_.end(source.image);
    if (source.pages != nullptr)
        source.pages->pages = source.name;
    if (source.pagemap != nullptr)
        source.pagemap->has_pagemap = true;
    if (const Task* const task = source.pages != nullptr ? source.pages : source.pagemap;
        task != nullptr && !task->pages.empty() && task->has_pagemap)
        task->flow.check(task->pagemap, task->pages);
}

void ImageCapture::cancel() {
    for (const auto& [fd, source] : pipes_)
        loop_.unwatch(fd);
    pipes_.clear();
    loop_.unwatch(sink_.space_ready());
    socket_.close();
}

} // namespace cedana::criu
