// SPDX-License-Identifier: Apache-2.0
// A process whose memory is watched by a userfaultfd, as CRIU leaves a restored task, and where its pages come from.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/lazy/fill.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana::criu::test {

inline constexpr std::size_t k_page = 4096;

// Why there can be none here; empty if there can.
[[nodiscard]] std::string why_no_userfault();

// Of the process that was forked for it; addresses are the same in the test.
class Memory {
  public:
    explicit Memory(std::size_t pages);
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory();

    [[nodiscard]] std::byte* page(std::size_t number) const { return start_ + number * k_page; }
    [[nodiscard]] std::uint64_t address(std::size_t number) const {
        return reinterpret_cast<std::uintptr_t>(page(number));
    }
    [[nodiscard]] std::size_t pages() const { return pages_; }

  private:
    std::byte* start_;
    std::size_t pages_;
};

// Whether a page in memory is page `number` of the image.
[[nodiscard]] bool holds_page(const std::byte* at, std::uint64_t number);
[[nodiscard]] bool holds_zeros(const std::byte* at);
void make_page(std::byte* at, std::uint64_t number);

// A child of the test.
class WatchedProcess {
  public:
    // What the child says to the test and hears from it.
    class Line {
      public:
        explicit Line(UniqueFd socket) : socket_(std::move(socket)) {}
        void say() const;
        // Blocks until the other says something; false if it has ended.
        [[nodiscard]] bool hear() const;
        [[nodiscard]] const UniqueFd& socket() const { return socket_; }

      private:
        UniqueFd socket_;
    };
    // Runs in the child, once its memory is watched and the test said so; whether all was as it should be.
    using Body = std::function<bool(const Line&)>;

    WatchedProcess(const Memory& memory, const Body& body);
    WatchedProcess(const WatchedProcess&) = delete;
    WatchedProcess& operator=(const WatchedProcess&) = delete;
    // Kills it.
    ~WatchedProcess();

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] const Line& line() const { return *line_; }
    [[nodiscard]] int fault() const { return fault_.get(); }
    // Once.
    [[nodiscard]] UniqueFd take_fault() { return std::move(fault_); }
    // Waits for its end: whether the body said that all was right.
    [[nodiscard]] bool was_right();
    void kill();

  private:
    pid_t pid_ = -1;
    std::optional<Line> line_;
    UniqueFd fault_;
};

// The pages of images, made when they are asked for; what is asked for can be held back.
class Source {
  public:
    explicit Source(std::size_t pages_a_piece) : pages_a_piece_(pages_a_piece) {}

    [[nodiscard]] std::unique_ptr<PageReader> reader();
    // Whoever asks for the piece waits from now on.
    void hold(std::uint64_t piece);
    void release(std::uint64_t piece);
    void release_all();
    void wait_until_asked(std::uint64_t piece);
    // Reading it throws Error(Fault::checkpoint).
    void fail_at(std::uint64_t piece);
    // In the order in which they were asked for.
    [[nodiscard]] std::vector<std::uint64_t> asked() const;
    void read(std::uint64_t piece, std::span<std::byte> into);
    [[nodiscard]] std::size_t pages_a_piece() const { return pages_a_piece_; }

  private:
    std::size_t pages_a_piece_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::set<std::uint64_t> held_;
    std::optional<std::uint64_t> fails_;
    std::vector<std::uint64_t> asked_;
};

} // namespace cedana::criu::test
