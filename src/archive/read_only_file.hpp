// SPDX-License-Identifier: Apache-2.0
// The file under an archive that is being read, as libzip sees it. It notes where libzip looks for an entry, since
// libzip does not tell, so that the entry's data can be read past it by many threads.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <span>

#include <zip.h>

namespace cedana {

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

// pread(2) that retries EINTR and short reads: how much of `out` was filled before the end of the file. Throws Error
// of the errno (Fault::storage).
[[nodiscard]] std::size_t read_at(int fd, std::uint64_t offset, std::span<std::byte> out,
                                  const std::filesystem::path& path);

} // namespace cedana
