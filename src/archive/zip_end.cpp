// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/zip_end.hpp"

#include "cedana/base/file_reads.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "zip_files.hpp"

namespace cedana {

namespace {

namespace fs = std::filesystem;

// Of the records at the end, APPNOTE 4.3.14 to 4.3.16 have the fields.
constexpr std::size_t k_end_size = 22;
constexpr std::size_t k_locator_size = 20;
constexpr std::size_t k_large_end_size = 56;
constexpr std::size_t k_longest_comment = std::numeric_limits<std::uint16_t>::max();

std::uint64_t field(std::string_view record, std::size_t offset, std::size_t width) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < width; ++i)
        number |= static_cast<std::uint64_t>(static_cast<unsigned char>(record[offset + i])) << (8 * i);
    return number;
}

class ArchiveEnd {
  public:
    explicit ArchiveEnd(const fs::path& path) : path_(path), file_(path) {
        const std::uint64_t size =
            std::min<std::uint64_t>(file_.size(), k_locator_size + k_end_size + k_longest_comment);
        tail_ = read(file_.size() - size, size);
    }

    [[nodiscard]] std::uint64_t directory_bytes() const {
        std::uint64_t bytes = 0;
        for (std::size_t at = tail_.find(k_end); at != std::string::npos; at = tail_.find(k_end, at + 1)) {
            const std::string_view end = std::string_view(tail_).substr(at);
            if (end.size() < k_end_size)
                break;
            bytes += large_directory(at).value_or(directory(field(end, 12, 4), field(end, 16, 4)));
        }
        return bytes;
    }

  private:
    static constexpr std::string_view k_end = "PK\x05\x06";

    [[nodiscard]] std::string read(std::uint64_t offset, std::uint64_t size) const {
        std::string bytes(size, '\0');
        bytes.resize(read_at(file_.fd(), offset, std::as_writable_bytes(std::span(bytes)), path_));
        return bytes;
    }

    // What a locator in front of the record at `at` leads to.
    [[nodiscard]] std::optional<std::uint64_t> large_directory(std::size_t at) const {
        if (at < k_locator_size)
            return std::nullopt;
        const std::string_view locator = std::string_view(tail_).substr(at - k_locator_size, k_locator_size);
        if (!locator.starts_with("PK\x06\x07") || field(locator, 8, 8) > file_.size())
            return std::nullopt;
        const std::string end = read(field(locator, 8, 8), k_large_end_size);
        if (end.size() != k_large_end_size || !end.starts_with("PK\x06\x06"))
            return std::nullopt;
        return directory(field(end, 40, 8), field(end, 48, 8));
    }

    // These numbers may stand there by chance: only where an entry begins is there a directory.
    [[nodiscard]] std::uint64_t directory(std::uint64_t size, std::uint64_t offset) const {
        if (size > file_.size() || offset > file_.size() - size)
            return 0;
        return read(offset, 4) == "PK\x01\x02" ? size : 0;
    }

    const fs::path& path_;
    ReadOnlyFile file_;
    std::string tail_;
};

} // namespace

std::uint64_t directory_bytes(const fs::path& path) { return ArchiveEnd(path).directory_bytes(); }

} // namespace cedana
