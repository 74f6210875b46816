// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_serve.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

// Below this a copy is cheaper than a reference, and small images are not kept for the sake of a pipe.
constexpr std::size_t k_least_by_reference = 64UL * 1024;

UniqueFd make_epoll() {
    UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!fd)
        throw OsFailure().error("cannot make an epoll descriptor");
    return fd;
}

std::uint64_t capacity_of(int pipe) {
    const int bytes = ::fcntl(pipe, F_GETPIPE_SZ);
    if (bytes < 0)
        throw OsFailure().error("cannot look at the pipe of an image");
    return static_cast<std::uint64_t>(bytes);
}

// Without the pipe's lock, which a reader holds while it copies.
bool is_full(int pipe) {
    pollfd entry{.fd = pipe, .events = POLLOUT, .revents = 0};
    return ::poll(&entry, 1, 0) == 0;
}

ssize_t pass(int pipe, std::span<const std::byte> data) {
    if (data.size() < k_least_by_reference)
        return ::write(pipe, data.data(), data.size());
    // vmsplice reads alone, but its iovec is the one of all calls.
    const iovec part{.iov_base = const_cast<std::byte*>(data.data()), .iov_len = data.size()};
    return ::vmsplice(pipe, &part, 1, SPLICE_F_NONBLOCK);
}

} // namespace

ImageServer::ImageServer(EventLoop& loop, const std::filesystem::path& images, ImageSource& source)
    : loop_(loop), source_(source), wakeups_(make_epoll()),
      socket_(loop, images, Direction::serve,
              {.exists =
                   [this](const std::string& name) {
                       ++requests_;
                       return source_.exists(name);
                   },
               .pipe = [this](const std::string& name, UniqueFd pipe) { add(name, std::move(pipe)); }}) {
    loop_.watch(source_.data_ready(), POLLIN, [this](short) {
        std::uint64_t count = 0;
        if (::read(source_.data_ready(), &count, sizeof count) > 0)
            serve_all();
    });
    loop_.watch(wakeups_.get(), POLLIN, [this](short) { take_wakeups(); });
    loop_.watch(again_.fd(), POLLIN, [this](short) {
        again_.clear();
        serve_all();
    });
}

ImageServer::~ImageServer() {
    for (const int fd : {source_.data_ready(), wakeups_.get(), again_.fd()})
        loop_.unwatch(fd);
    while (!pipes_.empty())
        remove(pipes_.begin()->first);
}

void ImageServer::add(const std::string& name, UniqueFd pipe) {
    const int fd = pipe.get();
    epoll_event event{.events = EPOLLOUT | EPOLLET, .data = {.fd = fd}};
    if (::epoll_ctl(wakeups_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        throw OsFailure().error("cannot watch the pipe of an image");
    const std::uint64_t capacity = capacity_of(fd);
    pipes_.emplace(fd, Target{.pipe = std::move(pipe), .stream = source_.open(name), .capacity = capacity});
    again_.set();
}

void ImageServer::take_wakeups() {
    std::array<epoll_event, 64> events{};
    const int found = ::epoll_wait(wakeups_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < found; ++i)
        if (const auto target = pipes_.find(events[static_cast<std::size_t>(i)].data.fd); target != pipes_.end())
            target->second.full = false;
    serve_all();
}

// One piece for everybody who can take one, so that none waits long for another.
void ImageServer::serve_all() {
    bool passed = false;
    for (auto next = pipes_.begin(); next != pipes_.end();) {
        const auto [fd, step] = std::pair(next->first, serve(next->second));
        ++next;
        passed |= step == Step::passed;
        if (step == Step::done)
            remove(fd);
    }
    if (passed)
        again_.set();
}

ImageServer::Step ImageServer::serve(Target& target) {
    if (target.full)
        return Step::waits;
    const std::span<const std::byte> data = source_.ready(target.stream);
    if (data.empty())
        return source_.at_end(target.stream) ? Step::done : Step::waits;
    const ssize_t count = pass(target.pipe.get(), data);
    const int err = errno;
    if (count > 0) {
        this->count(target, static_cast<std::uint64_t>(count));
        target.full = is_full(target.pipe.get());
        return Step::passed;
    }
    if (err == EAGAIN) {
        target.full = true;
        return Step::waits;
    }
    if (err == EINTR)
        return Step::passed;
    // CRIU does not read every image to its end; whether that was right is its exit status to say.
    if (err == EPIPE)
        return Step::done;
    throw os_error(err, "cannot pass an image to criu");
}

void ImageServer::report_to(Progress& progress, std::uint64_t total) {
    progress_ = &progress;
    total_ = total;
}

// What lies further back than the pipe can hold has been read.
void ImageServer::count(Target& target, std::uint64_t passed) {
    source_.passed(target.stream, passed);
    bytes_ += passed;
    if (progress_ != nullptr)
        progress_->bytes(bytes_, total_);
    target.passed += passed;
    const std::uint64_t read = target.passed > target.capacity ? target.passed - target.capacity : 0;
    source_.released(target.stream, read - target.released);
    target.released = read;
}

void ImageServer::remove(int fd) {
    source_.close(pipes_.at(fd).stream);
    // Closing the pipe takes it out of the epoll set as well.
    pipes_.erase(fd);
}

bool ImageServer::waits_for_criu() {
    return std::ranges::any_of(pipes_,
                               [this](const auto& entry) { return !source_.ready(entry.second.stream).empty(); });
}

} // namespace cedana::criu
