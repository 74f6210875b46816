// SPDX-License-Identifier: Apache-2.0
// An archive that an engine has written, as a row of files: tar, compressed by gzip or zstd or not at all. Nothing that
// it says is believed before it is looked at.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/root_folder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <unistd.h>

#include "archives.hpp"

namespace cedana::containers {

class EngineArchive {
  public:
    // From the start of `file`, which stays the caller's.
    EngineArchive(int file, const Interrupt& interrupt)
        : file_(file), interrupt_(interrupt), reader_(::archive_read_new()) {
        ::archive_read_support_format_tar(reader_.get());
        // Of others libarchive starts programs.
        ::archive_read_support_filter_gzip(reader_.get());
        ::archive_read_support_filter_zstd(reader_.get());
        require(::archive_read_open(reader_.get(), this, nullptr, &EngineArchive::read, nullptr));
    }
    EngineArchive(const EngineArchive&) = delete;
    EngineArchive& operator=(const EngineArchive&) = delete;

    [[nodiscard]] bool is_compressed() const {
        constexpr std::array<std::string_view, 2> k_magics = {"\x1f\x8b", "\x28\xb5\x2f\xfd"};
        std::array<char, 4> start{};
        const ssize_t count = ::pread(file_, start.data(), start.size(), 0);
        const std::string_view found(start.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        return std::ranges::any_of(k_magics, [&](std::string_view magic) { return found.starts_with(magic); });
    }

    // False at the end.
    bool next() {
        const int result = ::archive_read_next_header(reader_.get(), &entry_);
        if (result == ARCHIVE_EOF && error_ == 0)
            return false;
        require(result);
        const char* const name = ::archive_entry_pathname(entry_);
        name_ = parse_inner_path(name == nullptr ? "" : name);
        done_ = 0;
        return true;
    }

    // Of the entry at hand. A path without a slash before it; empty for the archive's folder.
    [[nodiscard]] const std::string& entry_name() const noexcept { return name_; }
    [[nodiscard]] bool is_file() const {
        return S_ISREG(::archive_entry_mode(entry_)) && ::archive_entry_hardlink(entry_) == nullptr;
    }
    [[nodiscard]] std::uint64_t entry_size() const {
        return static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry_), 0));
    }
    // Seconds since 1970.
    [[nodiscard]] std::int64_t modified() const { return ::archive_entry_stat(entry_)->st_mtime; }

    // Its next bytes, valid until the next call; none at its end.
    std::span<const std::byte> next_block() {
        interrupt_.throw_if_pending();
        const void* block = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        do {
            const int result = ::archive_read_data_block(reader_.get(), &block, &size, &offset);
            if (result == ARCHIVE_EOF && error_ == 0) {
                if (done_ != entry_size())
                    refuse("a file of it is shorter than it says");
                return {};
            }
            require(result);
        } while (size == 0);
        if (static_cast<std::uint64_t>(offset) != done_)
            refuse("a file of it has holes");
        done_ += size;
        return {static_cast<const std::byte*>(block), size};
    }
    // All of it.
    std::string content() {
        constexpr std::uint64_t k_largest_text = 64UL * 1024 * 1024;
        if (entry_size() > k_largest_text)
            refuse(fmt::format("{} is too large", printable(name_)));
        std::string content;
        for (auto bytes = next_block(); !bytes.empty(); bytes = next_block())
            content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return content;
    }

    // Of the archive as it lies on the disk.
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return offset_; }

  private:
    static la_ssize_t read(archive* /*reader*/, void* self, const void** block) {
        auto* const archive = static_cast<EngineArchive*>(self);
        ssize_t count = 0;
        do
            count = ::pread(archive->file_, archive->buffer_.data(), archive->buffer_.size(),
                            static_cast<off_t>(archive->offset_));
        while (count < 0 && errno == EINTR);
        if (count < 0)
            archive->error_ = errno;
        else
            archive->offset_ += static_cast<std::uint64_t>(count);
        *block = archive->buffer_.data();
        return count;
    }

    [[noreturn]] static void refuse(const std::string& why) {
        throw Error(Fault::checkpoint, "the archive is refused: " + why);
    }

    void require(int result) {
        if (error_ != 0)
            throw os_error(error_, "cannot read the archive", Fault::storage);
        if (result < ARCHIVE_WARN)
            refuse(fmt::format("it cannot be read: {}", ::archive_error_string(reader_.get())));
    }

    int file_;
    const Interrupt& interrupt_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(256UL * 1024);
    std::uint64_t offset_ = 0;
    int error_ = 0;
    archive_entry* entry_ = nullptr;
    std::string name_;
    // Of the entry's bytes, how many were given.
    std::uint64_t done_ = 0;
    ArchiveReader reader_;
};

} // namespace cedana::containers
