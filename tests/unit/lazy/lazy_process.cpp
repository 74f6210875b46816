// SPDX-License-Identifier: Apache-2.0
#include "unit/lazy/lazy_process.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/lazy/userfault.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana::criu::test {

namespace {

constexpr std::size_t k_words = k_page / sizeof(std::uint64_t);

std::uint64_t word_of(std::uint64_t page, std::size_t index) { return (page + 1) * 0x100000 + index; }

// As CRIU makes it (criu/uffd.c); -1 if that fails.
UniqueFd watch(const Memory& memory) {
    UniqueFd fault(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
    uffdio_api api{.api = UFFD_API,
                   .features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE |
                               UFFD_FEATURE_EVENT_UNMAP,
                   .ioctls = 0};
    uffdio_register all{.range = {.start = memory.address(0), .len = memory.pages() * k_page},
                        .mode = UFFDIO_REGISTER_MODE_MISSING,
                        .ioctls = 0};
    if (!fault || ::ioctl(fault.get(), UFFDIO_API, &api) != 0 || ::ioctl(fault.get(), UFFDIO_REGISTER, &all) != 0)
        return {};
    return fault;
}

class Reader : public PageReader {
  public:
    explicit Reader(Source& source) : source_(source), pages_(source.pages_a_piece() * k_page) {}
    std::span<const std::byte> read(const std::string& /*image*/, std::uint64_t number) override {
        source_.read(number, pages_);
        return pages_;
    }

  private:
    Source& source_;
    std::vector<std::byte> pages_;
};

} // namespace

std::string why_no_userfault() {
    try {
        require_userfault();
    } catch (const Error& error) {
        return error.message();
    }
    return "";
}

Memory::Memory(std::size_t pages)
    : start_(static_cast<std::byte*>(
          ::mmap(nullptr, pages * k_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
      pages_(pages) {
    if (start_ == MAP_FAILED)
        throw OsFailure().error("cannot map the memory of a test");
}

Memory::~Memory() { ::munmap(start_, pages_ * k_page); }

void make_page(std::byte* at, std::uint64_t number) {
    for (std::size_t i = 0; i < k_words; ++i) {
        const std::uint64_t word = word_of(number, i);
        std::memcpy(at + i * sizeof word, &word, sizeof word);
    }
}

bool holds_page(const std::byte* at, std::uint64_t number) {
    for (std::size_t i = 0; i < k_words; ++i) {
        std::uint64_t word = 0;
        std::memcpy(&word, at + i * sizeof word, sizeof word);
        if (word != word_of(number, i))
            return false;
    }
    return true;
}

bool holds_zeros(const std::byte* at) {
    return std::all_of(at, at + k_page, [](std::byte byte) { return byte == std::byte{0}; });
}

void WatchedProcess::Line::say() const { static_cast<void>(::send(socket_.get(), "x", 1, MSG_NOSIGNAL)); }

bool WatchedProcess::Line::hear() const {
    char word = 0;
    ssize_t count = 0;
    do
        count = ::recv(socket_.get(), &word, 1, 0);
    while (count < 0 && errno == EINTR);
    return count == 1;
}

WatchedProcess::WatchedProcess(const Memory& memory, const Body& body) {
    auto [ours, childs] = make_socket_pair(SOCK_STREAM);
    // Else the child writes what stands in the buffers once more.
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
        ours.reset();
        const Line line(std::move(childs));
        UniqueFd fault = watch(memory);
        const bool is_sent = fault && send_with_fd(line.socket().get(), "f", fault.get()) == 1;
        fault.reset();
        ::_exit(is_sent && line.hear() && body(line) ? 0 : 1);
    }
    childs.reset();
    line_.emplace(std::move(ours));
    std::array<char, 1> byte{};
    EXPECT_EQ(receive_with_fd(line_->socket().get(), byte, fault_, 0), 1);
    EXPECT_TRUE(fault_);
}

WatchedProcess::~WatchedProcess() { kill(); }

void WatchedProcess::kill() {
    if (pid_ > 0)
        kill_child(std::exchange(pid_, -1));
}

bool WatchedProcess::was_right() {
    int status = -1;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::unique_ptr<PageReader> Source::reader() { return std::make_unique<Reader>(*this); }

void Source::hold(std::uint64_t piece) {
    const std::scoped_lock lock(mutex_);
    held_.insert(piece);
}

void Source::release(std::uint64_t piece) {
    const std::scoped_lock lock(mutex_);
    held_.erase(piece);
    changed_.notify_all();
}

void Source::release_all() {
    const std::scoped_lock lock(mutex_);
    held_.clear();
    changed_.notify_all();
}

void Source::wait_until_asked(std::uint64_t piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return std::find(asked_.begin(), asked_.end(), piece) != asked_.end(); });
}

void Source::fail_at(std::uint64_t piece) {
    const std::scoped_lock lock(mutex_);
    fails_ = piece;
}

std::vector<std::uint64_t> Source::asked() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
}

void Source::read(std::uint64_t piece, std::span<std::byte> into) {
    {
        std::unique_lock lock(mutex_);
        asked_.push_back(piece);
        changed_.notify_all();
        changed_.wait(lock, [&] { return !held_.contains(piece); });
        if (fails_ == piece)
            throw Error(Fault::checkpoint, "the piece is damaged");
    }
    for (std::size_t i = 0; i < pages_a_piece_; ++i)
        make_page(into.data() + i * k_page, piece * pages_a_piece_ + i);
}

} // namespace cedana::criu::test
