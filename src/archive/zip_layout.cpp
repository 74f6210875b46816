// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/zip_layout.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

namespace cedana {

namespace {

// The fields of each record are in APPNOTE 4.3 and 4.5.3, and the values are libzip's for what ZipWriter tells it.
constexpr std::uint64_t k_most_32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t k_most_16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t k_made_by = 0x033f;
constexpr std::uint64_t k_version_zip64 = 45;
constexpr std::uint64_t k_version_zstd = 63;
// Bit 11 (4.4.4): the name is UTF-8.
constexpr std::uint64_t k_utf8_name = 1U << 11;

// What no entry tells and its headers may hold all the same.
struct Mark {
    // The four bytes of time and date.
    std::string time;
    std::uint64_t flags = 0;
};

class Record {
  public:
    explicit Record(std::string_view signature) : bytes_(signature) {}
    Record& number(std::uint64_t value, std::size_t width) {
        for (std::size_t i = 0; i < width; ++i)
            bytes_ += static_cast<char>(value >> (8 * i));
        return *this;
    }
    // A number that does not fit is given elsewhere.
    Record& bounded_16(std::uint64_t value) { return number(std::min(value, k_most_16), 2); }
    Record& bounded_32(std::uint64_t value) { return number(std::min(value, k_most_32), 4); }
    Record& text(std::string_view text) {
        bytes_ += text;
        return *this;
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

bool is_large(const EntryInfo& entry) { return entry.size >= k_most_32 || entry.compressed >= k_most_32; }

std::uint64_t version_of(const EntryInfo& entry) {
    return entry.method == Method::zstd ? k_version_zstd : k_version_zip64;
}

std::string local_header(const EntryInfo& entry, const Mark& mark) {
    constexpr std::uint64_t k_extra_size = 20;
    Record record("PK\x03\x04");
    record.number(version_of(entry), 2).number(mark.flags, 2);
    record.number(static_cast<std::uint64_t>(entry.method), 2).text(mark.time).number(entry.crc, 4);
    // Either both sizes are in the extra field alone, or none is.
    record.number(is_large(entry) ? k_most_32 : entry.compressed, 4);
    record.number(is_large(entry) ? k_most_32 : entry.size, 4);
    record.number(entry.name.size(), 2).number(k_extra_size, 2).text(entry.name);
    return record.number(1, 2).number(k_extra_size - 4, 2).number(entry.size, 8).number(entry.compressed, 8).bytes();
}

std::string directory_header(const EntryInfo& entry, const Mark& mark, std::uint64_t offset) {
    constexpr std::uint64_t k_attributes = static_cast<std::uint64_t>(S_IFREG | S_IRUSR | S_IWUSR) << 16;
    std::vector<std::uint64_t> large;
    for (const std::uint64_t value : {entry.size, entry.compressed, offset})
        if (value >= k_most_32)
            large.push_back(value);
    Record record("PK\x01\x02");
    record.number(k_made_by, 2).number(version_of(entry), 2).number(mark.flags, 2);
    record.number(static_cast<std::uint64_t>(entry.method), 2).text(mark.time).number(entry.crc, 4);
    record.bounded_32(entry.compressed).bounded_32(entry.size).number(entry.name.size(), 2);
    record.number(large.empty() ? 0 : 4 + 8 * large.size(), 2).number(0, 2).number(0, 2).number(0, 2);
    record.number(k_attributes, 4).bounded_32(offset).text(entry.name);
    if (!large.empty())
        record.number(1, 2).number(8 * large.size(), 2);
    for (const std::uint64_t value : large)
        record.number(value, 8);
    return record.bytes();
}

struct Directory {
    std::uint64_t entries = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

bool needs_large_end(const Directory& directory) {
    return directory.offset > k_most_32 || directory.entries > k_most_16;
}

std::string large_end_records(const Directory& directory) {
    constexpr std::uint64_t k_rest_of_record = 44;
    Record record("PK\x06\x06");
    record.number(k_rest_of_record, 8).number(k_version_zip64, 2).number(k_version_zip64, 2);
    record.number(0, 8).number(directory.entries, 8).number(directory.entries, 8);
    record.number(directory.size, 8).number(directory.offset, 8);
    return record.text("PK\x06\x07").number(0, 4).number(directory.offset + directory.size, 8).number(1, 4).bytes();
}

std::string end_record(const Directory& directory) {
    Record record("PK\x05\x06");
    record.number(0, 4).bounded_16(directory.entries).bounded_16(directory.entries);
    return record.bounded_32(directory.size).bounded_32(directory.offset).number(0, 2).bytes();
}

std::string mark_of(const std::string& header, std::size_t offset, std::size_t size) {
    return header.size() < offset + size ? std::string(size, '\0') : header.substr(offset, size);
}

// Which of the flags that differ between versions of libzip is set in a header.
std::uint64_t flags_in(const std::string& header, std::size_t offset) {
    return (static_cast<std::uint64_t>(static_cast<unsigned char>(mark_of(header, offset + 1, 1)[0])) << 8) &
           k_utf8_name;
}

class Layout {
  public:
    explicit Layout(const ZipReader& zip) : zip_(zip) {}

    void require_exact() {
        for (const EntryInfo& entry : zip_.entries())
            pass_entry(entry);
        pass_directory();
        pass_end();
        if (offset_ != zip_.file_size())
            throw Error(Fault::checkpoint,
                        fmt::format("{} is damaged: something is behind its end", printable(zip_.path().string())));
    }

  private:
    static constexpr std::size_t k_flags_in_local = 6;
    static constexpr std::size_t k_time_in_local = 10;
    static constexpr std::size_t k_flags_in_directory = 8;

    struct Placed {
        Mark mark;
        std::uint64_t offset = 0;
    };

    void pass_entry(const EntryInfo& entry) {
        const std::string header = read(offset_, k_time_in_local + 4);
        Placed placed{
            .mark = {.time = mark_of(header, k_time_in_local, 4), .flags = flags_in(header, k_flags_in_local)},
            .offset = offset_};
        // All but the newest, which signing may have added with another libzip, were written by one.
        if (!placed_.empty() && &entry != &zip_.entries().back())
            placed.mark.flags = placed_.front().mark.flags;
        require(local_header(entry, placed.mark), fmt::format("what stands before {} is", printable(entry.name)));
        placed_.push_back(std::move(placed));
        has_large_entry_ |= is_large(entry) || placed_.back().offset >= k_most_32;
        offset_ += entry.compressed;
    }

    // libzip before 1.11 takes the flag from the names of all entries that were there when it writes the directory
    // anew.
    void pass_directory() {
        directory_ = {.entries = placed_.size(), .offset = offset_};
        const bool flags_are_kept =
            placed_.size() < 2 || flags_in(read(offset_, k_flags_in_directory + 2), k_flags_in_directory) != 0;
        std::string headers;
        for (std::size_t i = 0; i < placed_.size(); ++i) {
            if (i + 1 < placed_.size() && !flags_are_kept)
                placed_[i].mark.flags = 0;
            headers += directory_header(zip_.entries()[i], placed_[i].mark, placed_[i].offset);
        }
        directory_.size = headers.size();
        require(headers, "its directory is");
    }

    // libzip before 1.11 writes the large records for a large entry too (_zip_cdir_write in zip_dirent.c).
    void pass_end() {
        const std::string large = large_end_records(directory_);
        const bool is_large_end =
            needs_large_end(directory_) || (has_large_entry_ && read(offset_, 4) == large.substr(0, 4));
        require((is_large_end ? large : "") + end_record(directory_), "its end is");
    }

    [[nodiscard]] std::string read(std::uint64_t offset, std::size_t size) const {
        std::string bytes(size, '\0');
        bytes.resize(read_at(zip_.fd(), offset, std::as_writable_bytes(std::span(bytes)), zip_.path()));
        return bytes;
    }

    void require(const std::string& bytes, const std::string& what) {
        if (read(offset_, bytes.size()) != bytes)
            throw Error(Fault::checkpoint,
                        fmt::format("{} is damaged: {} not as it was written", printable(zip_.path().string()), what));
        offset_ += bytes.size();
    }

    const ZipReader& zip_;
    std::uint64_t offset_ = 0;
    std::vector<Placed> placed_;
    bool has_large_entry_ = false;
    Directory directory_;
};

} // namespace

void require_exact_layout(const ZipReader& zip) { Layout(zip).require_exact(); }

} // namespace cedana
