// SPDX-License-Identifier: Apache-2.0
// The file of a checkpoint that comes from another host. Of a lazy migration it is restored while it lacks most of its
// pages: they come as the page server asks for them, for as long as the connection lives.
#pragma once

#include "cedana/archive/byte_range.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/lazy/supply.hpp"
#include "cedana/migration/connection.hpp"
#include "cedana/migration/frame_queue.hpp"
#include "cedana/migration/messages.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace cedana {

// It has never a name by which somebody could take it for a checkpoint: the source has that.
class ArrivingFile {
  public:
    // Takes no more than `most` bytes. Throws Error(Fault::storage).
    ArrivingFile(const std::filesystem::path& folder, const std::string& stem, std::uint64_t most);
    ArrivingFile(const ArrivingFile&) = delete;
    ArrivingFile& operator=(const ArrivingFile&) = delete;
    // Removes it.
    ~ArrivingFile();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    // Any thread. Throws Error(Fault::connection) for more than there may be, Error.
    void write(const migration::Data& data) const;
    // What it may come to hold, kept beside it. Throws Error(Fault::connection) for a number that came before, and for
    // more than there may be, Error.
    void keep(const migration::Ahead& ahead);
    // Writes what was kept. Throws Error(Fault::connection) for what was not, Error.
    void repeat(const migration::Repeat& repeat) const;
    void complete(std::uint64_t size) const;
    // Room for all of it, so that no write of what is still to come fails for want of that. Throws
    // Error(Fault::storage).
    void reserve(std::uint64_t size) const;

  private:
    void write_at(int fd, std::uint64_t offset, std::string_view bytes) const;

    std::filesystem::path path_;
    UniqueFd fd_;
    std::uint64_t most_;
    // What was kept: in a file without a name, as large as `kept_`, by number.
    UniqueFd aside_;
    std::uint64_t kept_ = 0;
    std::map<std::uint64_t, ByteRange> places_;
};

// From now on a thread of this receives all frames: pages go into the file, the others wait for next().
class ArrivingPages {
  public:
    // Page servers ask at `socket`. All must outlive this. Throws Error.
    ArrivingPages(migration::Connection& source, const ArrivingFile& file, const std::filesystem::path& socket);
    ArrivingPages(const ArrivingPages&) = delete;
    ArrivingPages& operator=(const ArrivingPages&) = delete;
    // No page comes any more.
    ~ArrivingPages();

    // As Connection::receive().
    [[nodiscard]] migration::Frame next(std::chrono::milliseconds limit, const Interrupt& interrupt) {
        return frames_.next(limit, interrupt);
    }
    // Why no page comes any more, if so.
    [[nodiscard]] std::optional<Error> failure() const { return frames_.failure(); }

    // In which nothing of what was asked for comes: the source is gone.
    static constexpr std::chrono::seconds k_page_limit{60};

  private:
    void ask(ByteRange bytes) noexcept;
    void receive() noexcept;
    void receive_one();
    void fail(const Error& error) noexcept;

    migration::Connection& source_;
    const ArrivingFile& file_;
    migration::FrameQueue frames_;
    EventFd end_;
    std::atomic<bool> must_end_ = false;
    // Asked for and not there.
    std::atomic<std::int64_t> outstanding_ = 0;
    SupplyDesk desk_;
    std::thread thread_;
};

} // namespace cedana
