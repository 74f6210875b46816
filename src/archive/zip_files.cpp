// SPDX-License-Identifier: Apache-2.0
#include "zip_files.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/uncached.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// As much as a disk takes at once; what is written in one go takes no other memory than this.
constexpr std::size_t k_tail_size = 1024UL * 1024;

} // namespace

ReadOnlyFile::ReadOnlyFile(const fs::path& path)
    // O_NONBLOCK: a FIFO of this name must not hold us up.
    : path_(path), fd_(open_file(path, O_RDONLY | O_NONBLOCK)) {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0)
        throw OsFailure(Fault::storage).error("cannot look at {}", path.string());
    if (!S_ISREG(status.st_mode))
        throw Error(Fault::checkpoint, fmt::format("{} is not a regular file", path.string()));
    size_ = static_cast<std::uint64_t>(status.st_size);
    zip_error_init(&error_);
}

ReadOnlyFile::~ReadOnlyFile() { zip_error_fini(&error_); }

zip_source_t* ReadOnlyFile::make_source() {
    zip_source_t* source = zip_source_function_create(&ReadOnlyFile::on_command, this, &error_);
    if (source == nullptr)
        throw Error(Fault::internal, fmt::format("cannot prepare {}: {}", path_.string(), zip_error_strerror(&error_)));
    return source;
}

zip_int64_t ReadOnlyFile::on_command(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) noexcept {
    auto& file = *static_cast<ReadOnlyFile*>(self);
    try {
        return file.obey(data, length, command);
    } catch (...) {
        file.failure_ = std::current_exception();
        zip_error_set(&file.error_, ZIP_ER_READ, EIO);
        return -1;
    }
}

zip_int64_t ReadOnlyFile::obey(void* data, zip_uint64_t length, zip_source_cmd_t command) {
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                              ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
                                              ZIP_SOURCE_SUPPORTS, -1);
    case ZIP_SOURCE_OPEN:
        position_ = 0;
        return 0;
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_READ:
        return read({static_cast<std::byte*>(data), length});
    case ZIP_SOURCE_SEEK:
        return seek(data, length);
    case ZIP_SOURCE_TELL:
        return static_cast<zip_int64_t>(position_);
    case ZIP_SOURCE_STAT: {
        auto* stat = static_cast<zip_stat_t*>(data);
        zip_stat_init(stat);
        stat->valid = ZIP_STAT_SIZE;
        stat->size = size_;
        return sizeof *stat;
    }
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&error_, data, length);
    default:
        zip_error_set(&error_, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

zip_int64_t ReadOnlyFile::read(std::span<std::byte> out) {
    const std::size_t count = read_at(fd_.get(), position_, out, path_);
    position_ += count;
    return static_cast<zip_int64_t>(count);
}

zip_int64_t ReadOnlyFile::seek(void* data, zip_uint64_t length) {
    const zip_int64_t target = zip_source_seek_compute_offset(position_, size_, data, length, &error_);
    if (target < 0)
        return -1;
    position_ = static_cast<std::uint64_t>(target);
    if (!first_seek_)
        first_seek_ = position_;
    return 0;
}

InPlaceFile::InPlaceFile(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {
    tail_.reserve(2 * k_tail_size);
    struct ::stat info {};
    if (::fstat(fd_, &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at {}", path_.string());
    tail_start_ = static_cast<std::uint64_t>(info.st_size);
    zip_error_init(&error_);
    source_.reset(zip_source_function_create(&InPlaceFile::on_command, this, &error_));
    if (!source_)
        throw Error(Fault::internal, fmt::format("cannot prepare {}: {}", path_.string(), zip_error_strerror(&error_)));
}

InPlaceFile::~InPlaceFile() {
    source_.reset();
    zip_error_fini(&error_);
}

zip_source_t* InPlaceFile::share() {
    zip_source_keep(source_.get());
    return source_.get();
}

zip_int64_t InPlaceFile::on_command(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) noexcept {
    auto& file = *static_cast<InPlaceFile*>(self);
    try {
        return file.obey(data, length, command);
    } catch (...) {
        if (!file.failure_)
            file.failure_ = std::current_exception();
        zip_error_set(&file.error_, ZIP_ER_WRITE, EIO);
        return -1;
    }
}

zip_int64_t InPlaceFile::obey(void* data, zip_uint64_t length, zip_source_cmd_t command) {
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
            ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_BEGIN_WRITE, ZIP_SOURCE_BEGIN_WRITE_CLONING,
            ZIP_SOURCE_COMMIT_WRITE, ZIP_SOURCE_ROLLBACK_WRITE, ZIP_SOURCE_WRITE, ZIP_SOURCE_SEEK_WRITE,
            ZIP_SOURCE_TELL_WRITE, ZIP_SOURCE_REMOVE, ZIP_SOURCE_SUPPORTS, -1);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&error_, data, length);
    case ZIP_SOURCE_OPEN:
    case ZIP_SOURCE_READ:
    case ZIP_SOURCE_STAT:
    case ZIP_SOURCE_SEEK:
    case ZIP_SOURCE_TELL:
        return obey_reading(data, length, command);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
    case ZIP_SOURCE_REMOVE:
    case ZIP_SOURCE_ROLLBACK_WRITE:
        return 0;
    default:
        return obey_writing(data, length, command);
    }
}

zip_int64_t InPlaceFile::obey_reading(void* data, zip_uint64_t length, zip_source_cmd_t command) {
    switch (command) {
    case ZIP_SOURCE_OPEN:
        read_position_ = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return read({static_cast<std::byte*>(data), length});
    case ZIP_SOURCE_SEEK:
        return seek(read_position_, data, length);
    case ZIP_SOURCE_TELL:
        return static_cast<zip_int64_t>(read_position_);
    default: {
        auto* stat = static_cast<zip_stat_t*>(data);
        zip_stat_init(stat);
        stat->valid = ZIP_STAT_SIZE;
        stat->size = size();
        return sizeof *stat;
    }
    }
}

zip_int64_t InPlaceFile::obey_writing(void* data, zip_uint64_t length, zip_source_cmd_t command) {
    switch (command) {
    case ZIP_SOURCE_BEGIN_WRITE:
        return begin_write(0), 0;
    case ZIP_SOURCE_BEGIN_WRITE_CLONING:
        // libzip gives the offset as the length.
        return begin_write(length), 0;
    case ZIP_SOURCE_WRITE:
        write({static_cast<const std::byte*>(data), length});
        return static_cast<zip_int64_t>(length);
    case ZIP_SOURCE_SEEK_WRITE:
        return seek(write_position_, data, length);
    case ZIP_SOURCE_TELL_WRITE:
        return static_cast<zip_int64_t>(write_position_);
    case ZIP_SOURCE_COMMIT_WRITE:
        return flush(), 0;
    default:
        zip_error_set(&error_, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

void InPlaceFile::begin_write(std::uint64_t offset) {
    if (::ftruncate(fd_, static_cast<off_t>(offset)) != 0)
        throw OsFailure(Fault::storage).error("cannot truncate {}", path_.string());
    tail_.clear();
    numbered_.clear();
    announced_.clear();
    tail_start_ = offset;
    write_position_ = offset;
}

void InPlaceFile::write(std::span<const std::byte> piece) {
    const std::uint64_t end = write_position_ + piece.size();
    if (write_position_ == size()) {
        note_appended(piece);
        tail_.insert(tail_.end(), piece.begin(), piece.end());
    } else if (write_position_ >= tail_start_ && end <= size()) {
        std::ranges::copy(piece, tail_.begin() + static_cast<std::ptrdiff_t>(write_position_ - tail_start_));
    } else {
        flush();
        write_through(write_position_, piece);
        tail_start_ = std::max(tail_start_, end);
    }
    write_position_ = end;
    if (tail_.size() >= k_tail_size)
        flush();
}

// libzip passes on all that it has read of an entry, cut as it likes.
void InPlaceFile::note_appended(std::span<const std::byte> piece) {
    for (std::uint64_t position = size(); !piece.empty() && !announced_.empty();) {
        Announced& next = announced_.front();
        const auto part = piece.first(std::min(piece.size(), next.left));
        note_known(part, position, next);
        next.left -= part.size();
        position += part.size();
        piece = piece.subspan(part.size());
        if (next.left == 0)
            announced_.pop_front();
    }
}

// Should libzip do otherwise, it goes as any other piece.
void InPlaceFile::note_known(std::span<const std::byte> piece, std::uint64_t position, const Announced& announced) {
    const KnownBytes& known = announced.known;
    if (known.number == 0)
        return;
    const std::size_t from = known.bytes.size() - announced.left;
    if (!std::ranges::equal(piece, known.bytes.subspan(from, piece.size())))
        return;
    const ByteRange range{.from = position, .to = position + piece.size()};
    // The same bytes may come twice in a row.
    if (!numbered_.empty() && numbered_.back().goes_on_with(range, known.number, from))
        numbered_.back().range.to = range.to;
    else
        numbered_.push_back({.range = range, .number = known.number, .from = from});
}

void InPlaceFile::flush() {
    write_through(tail_start_, tail_);
    tail_start_ += tail_.size();
    tail_.clear();
    numbered_.clear();
}

// Piece by piece: what has a number, and what lies between.
void InPlaceFile::tell(std::uint64_t position, std::span<const std::byte> piece) {
    const std::uint64_t end = position + piece.size();
    for (const Numbered& one : numbered_) {
        if (one.range.to <= position || one.range.from >= end)
            continue;
        if (one.range.from > position)
            copy_({.offset = position, .bytes = piece.first(one.range.from - position)});
        piece = piece.last(end - std::max(one.range.from, position));
        position = end - piece.size();
        const auto part = piece.first(std::min(one.range.to, end) - position);
        copy_(
            {.offset = position, .bytes = part, .number = one.number, .from = one.from + (position - one.range.from)});
        piece = piece.subspan(part.size());
        position += part.size();
    }
    if (!piece.empty())
        copy_({.offset = position, .bytes = piece});
}

void InPlaceFile::write_through(std::uint64_t position, std::span<const std::byte> piece) {
    while (!piece.empty()) {
        const ssize_t count = write_uncached(fd_, piece, position);
        const int err = errno;
        if (count < 0 && err == EINTR)
            continue;
        if (count < 0)
            throw os_error(err, fmt::format("cannot write {}", path_.string()), Fault::storage);
        if (copy_)
            tell(position, piece.first(static_cast<std::size_t>(count)));
        bytes_written_ += static_cast<std::uint64_t>(count);
        position += static_cast<std::uint64_t>(count);
        piece = piece.subspan(static_cast<std::size_t>(count));
    }
}

zip_int64_t InPlaceFile::read(std::span<std::byte> out) {
    while (true) {
        const ssize_t count = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(read_position_));
        const int err = errno;
        if (count < 0 && err == EINTR)
            continue;
        if (count < 0)
            throw os_error(err, fmt::format("cannot read {} again", path_.string()), Fault::storage);
        read_position_ += static_cast<std::uint64_t>(count);
        return count;
    }
}

zip_int64_t InPlaceFile::seek(std::uint64_t& position, void* data, zip_uint64_t length) {
    const zip_int64_t target = zip_source_seek_compute_offset(position, size(), data, length, &error_);
    if (target < 0)
        return -1;
    position = static_cast<std::uint64_t>(target);
    return 0;
}

} // namespace cedana
