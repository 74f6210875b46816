// SPDX-License-Identifier: Apache-2.0
// The files under archives, as libzip sees them; this pair alone includes it, for what reads and what writes zips.
#pragma once

#include "cedana/archive/byte_ranges.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <zip.h>

namespace cedana {

// The file under an archive that is being read. It notes where libzip looks for an entry, since libzip does not tell,
// so that the entry's data can be read past it by many threads.
class ReadOnlyFile {
  public:
    // Throws Error when the file cannot be opened, Error(Fault::checkpoint) when it is not a regular one.
    explicit ReadOnlyFile(const std::filesystem::path& path);
    ReadOnlyFile(const ReadOnlyFile&) = delete;
    ReadOnlyFile& operator=(const ReadOnlyFile&) = delete;
    ~ReadOnlyFile();

    // A new source over this file, which must outlive it. Throws Error(Fault::internal).
    [[nodiscard]] zip_source_t* make_source();
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    // When it was opened.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    // What went wrong behind libzip's back; null if nothing did.
    [[nodiscard]] std::exception_ptr failure() const noexcept { return failure_; }

    // The first offset that libzip asks for from now on: first_seek().
    void watch_seeks() noexcept { first_seek_.reset(); }
    [[nodiscard]] std::optional<std::uint64_t> first_seek() const noexcept { return first_seek_; }

  private:
    static zip_int64_t on_command(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) noexcept;
    zip_int64_t obey(void* data, zip_uint64_t length, zip_source_cmd_t command);
    zip_int64_t read(std::span<std::byte> out);
    zip_int64_t seek(void* data, zip_uint64_t length);

    std::filesystem::path path_;
    UniqueFd fd_;
    std::uint64_t size_ = 0;
    std::uint64_t position_ = 0;
    std::optional<std::uint64_t> first_seek_;
    std::exception_ptr failure_;
    zip_error_t error_{};
};

// The file under an archive that is being written: a source that can be appended to in place, so that adding an entry
// copies none of those before. Small pieces are gathered in memory; a piece that changes what is still in memory, as
// the patched header of a small entry does, costs no write of its own.
class InPlaceFile {
  public:
    // What is in the file stays until something is written.
    InPlaceFile(int fd, std::filesystem::path path);
    InPlaceFile(const InPlaceFile&) = delete;
    InPlaceFile& operator=(const InPlaceFile&) = delete;
    ~InPlaceFile();

    // A reference that the caller gives to zip_open_from_source; this object must outlive its use.
    [[nodiscard]] zip_source_t* share();
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    void copy_to(HearWritten copy) { copy_ = std::move(copy); }
    // So many bytes are appended after those that were announced before. `known`: what they are, if that has a number.
    void announce(std::size_t size, const KnownBytes& known) {
        if (size != 0)
            announced_.push_back({.left = size, .known = size == known.bytes.size() ? known : KnownBytes()});
    }
    [[nodiscard]] std::uint64_t bytes_written() const noexcept { return bytes_written_; }
    // What went wrong behind libzip's back; null if nothing did.
    [[nodiscard]] std::exception_ptr failure() const noexcept { return failure_; }

  private:
    struct Free {
        void operator()(zip_source_t* source) const noexcept { zip_source_free(source); }
    };
    struct Announced {
        std::size_t left = 0;
        KnownBytes known;
    };
    struct Numbered {
        ByteRange range;
        std::uint64_t number = 0;
        std::uint64_t from = 0;

        [[nodiscard]] bool goes_on_with(const ByteRange& next, std::uint64_t its_number, std::uint64_t its_from) const {
            return number == its_number && range.to == next.from && from + (range.to - range.from) == its_from;
        }
    };

    static zip_int64_t on_command(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) noexcept;
    zip_int64_t obey(void* data, zip_uint64_t length, zip_source_cmd_t command);
    zip_int64_t obey_reading(void* data, zip_uint64_t length, zip_source_cmd_t command);
    zip_int64_t obey_writing(void* data, zip_uint64_t length, zip_source_cmd_t command);

    [[nodiscard]] std::uint64_t size() const noexcept { return tail_start_ + tail_.size(); }
    void begin_write(std::uint64_t offset);
    void note_appended(std::span<const std::byte> piece);
    void note_known(std::span<const std::byte> piece, std::uint64_t position, const Announced& announced);
    void tell(std::uint64_t position, std::span<const std::byte> piece);
    void write(std::span<const std::byte> piece);
    void flush();
    void write_through(std::uint64_t position, std::span<const std::byte> piece);
    zip_int64_t read(std::span<std::byte> out);
    zip_int64_t seek(std::uint64_t& position, void* data, zip_uint64_t length);

    int fd_;
    std::filesystem::path path_;
    HearWritten copy_;
    // What is still to be appended, in this order.
    std::deque<Announced> announced_;
    std::uint64_t read_position_ = 0;
    std::uint64_t write_position_ = 0;
    // The end of the file, not yet written; it begins at tail_start_.
    std::vector<std::byte> tail_;
    std::uint64_t tail_start_ = 0;
    // Of the tail, what has a number: in ascending order.
    std::deque<Numbered> numbered_;
    std::uint64_t bytes_written_ = 0;
    std::exception_ptr failure_;
    zip_error_t error_{};
    std::unique_ptr<zip_source_t, Free> source_;
};

} // namespace cedana
