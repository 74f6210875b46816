// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/zip_reader.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/text.hpp"

#include <array>
#include <mutex>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "entry_name.hpp"
#include "zip_files.hpp"

namespace cedana {

namespace {

namespace fs = std::filesystem;

struct Discard {
    void operator()(zip_t* zip) const noexcept { zip_discard(zip); }
};
using Zip = std::unique_ptr<zip_t, Discard>;

Error unsafe(const fs::path& path, std::string_view why) {
    return {Fault::checkpoint, fmt::format("{} is not safe to use: {}", path.string(), why)};
}

Error damaged(const fs::path& path, std::string_view name, std::string_view why) {
    return {Fault::checkpoint, fmt::format("{}: {} is damaged: {}", path.string(), printable(name), why)};
}

Zip open_archive(ReadOnlyFile& file, const fs::path& path) {
    // libzip would take an empty file for an empty archive.
    if (file.size() == 0)
        throw Error(Fault::checkpoint, fmt::format("{} is empty, not a zip archive", path.string()));
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* source = file.make_source();
    Zip zip(zip_open_from_source(source, ZIP_RDONLY, &error));
    if (zip)
        return zip;
    zip_source_free(source);
    const Error failure = zip_error_code_zip(&error) == ZIP_ER_NOZIP
                              ? Error(Fault::checkpoint, fmt::format("{} is not a zip archive", path.string()))
                              : unsafe(path, zip_error_strerror(&error));
    zip_error_fini(&error);
    if (file.failure())
        std::rethrow_exception(file.failure());
    throw failure;
}

// Folders, links and devices: whatever made the archive, Unix file types lie in the upper half.
bool is_plain_file(zip_t* zip, zip_uint64_t index) {
    constexpr zip_uint32_t k_dos_folder = 0x10;
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    if (zip_file_get_external_attributes(zip, index, ZIP_FL_UNCHANGED, &system, &attributes) != 0)
        return false;
    const zip_uint32_t type = (attributes >> 16) & S_IFMT;
    return (type == 0 || type == S_IFREG) && (attributes & k_dos_folder) == 0;
}

// What an entry is, or the reason why it is refused.
EntryInfo examine(zip_t* zip, zip_uint64_t index, const ReadOnlyFile& file, const fs::path& path) {
    constexpr zip_uint64_t k_needed =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_CRC | ZIP_STAT_COMP_METHOD;
    zip_stat_t stat;
    const char* name = zip_get_name(zip, index, ZIP_FL_ENC_RAW);
    if (name == nullptr || zip_stat_index(zip, index, ZIP_FL_UNCHANGED, &stat) != 0 ||
        (stat.valid & k_needed) != k_needed)
        throw unsafe(path, fmt::format("entry {} cannot be read", index));

    const auto refused = [&](std::string_view why) {
        return unsafe(path, fmt::format("the entry '{}' {}", printable(name), why));
    };
    const std::string flaw = flaw_of_entry_name(name);
    if (!flaw.empty())
        throw refused(flaw);
    if (!is_plain_file(zip, index))
        throw refused("is not a plain file");
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE)
        throw refused("is encrypted");
    Method method{};
    if (!parse_method(static_cast<std::uint16_t>(stat.comp_method), method))
        throw refused(fmt::format("is compressed by the unknown method {}", stat.comp_method));
    if (stat.comp_size > file.size() || (method == Method::store && stat.comp_size != stat.size))
        throw refused("has impossible sizes");
    return {.name = name, .size = stat.size, .compressed = stat.comp_size, .crc = stat.crc, .method = method};
}

std::uint32_t number_at(std::span<const std::byte> header, std::size_t offset, std::size_t width) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < width; ++i)
        number |= std::to_integer<std::uint32_t>(header[offset + i]) << (8 * i);
    return number;
}

// Where the data behind the local header at `offset` begins. APPNOTE 4.3.7 has the fields.
std::uint64_t data_start(const ReadOnlyFile& file, std::uint64_t offset, const EntryInfo& entry, const fs::path& path) {
    constexpr std::uint32_t k_signature = 0x04034b50;
    constexpr std::uint32_t k_encrypted = 1;
    constexpr std::uint32_t k_crc_follows_data = 8;
    std::array<std::byte, 30> header;
    std::string name(entry.name.size(), '\0');
    if (read_at(file.fd(), offset, header, path) != header.size() || number_at(header, 0, 4) != k_signature ||
        read_at(file.fd(), offset + header.size(), std::as_writable_bytes(std::span(name)), path) != name.size())
        throw damaged(path, entry.name, "it has no local header");

    const std::uint32_t flags = number_at(header, 6, 2);
    const std::uint32_t name_size = number_at(header, 26, 2);
    const bool is_same = name_size == entry.name.size() && name == entry.name && (flags & k_encrypted) == 0 &&
                         number_at(header, 8, 2) == static_cast<std::uint32_t>(entry.method) &&
                         ((flags & k_crc_follows_data) != 0 || number_at(header, 14, 4) == entry.crc);
    if (!is_same)
        throw damaged(path, entry.name, "its local header is not what the directory says");
    const std::uint64_t start = offset + header.size() + name_size + number_at(header, 28, 2);
    if (start > file.size() || entry.compressed > file.size() - start)
        throw damaged(path, entry.name, "it goes beyond the end of the file");
    return start;
}

} // namespace

void RawEntry::read(std::uint64_t offset, std::span<std::byte> out) const {
    if (offset > info_->compressed || out.size() > info_->compressed - offset)
        throw damaged(*path_, info_->name, "something beyond its end is asked for");
    if (read_at(fd_, start_ + offset, out, *path_) != out.size())
        throw damaged(*path_, info_->name, "the file ends too early");
}

class ZipReader::Container {
  public:
    explicit Container(const fs::path& path) : file_(path), zip_(open_archive(file_, path)) {}

    [[nodiscard]] const ReadOnlyFile& file() const noexcept { return file_; }
    [[nodiscard]] zip_t* zip() const noexcept { return zip_.get(); }

    // The offset of the local header of an entry that has data.
    std::uint64_t local_header(std::size_t index, const EntryInfo& entry, const fs::path& path) {
        const std::lock_guard lock(mutex_);
        // Opening an entry, libzip goes to its local header before it looks at anything else.
        file_.watch_seeks();
        zip_file_t* opened = zip_fopen_index(zip_.get(), index, ZIP_FL_COMPRESSED | ZIP_FL_UNCHANGED);
        if (opened != nullptr)
            zip_fclose(opened);
        if (file_.failure())
            std::rethrow_exception(file_.failure());
        if (opened == nullptr || !file_.first_seek())
            throw damaged(path, entry.name, zip_strerror(zip_.get()));
        return *file_.first_seek();
    }

  private:
    ReadOnlyFile file_;
    std::mutex mutex_;
    Zip zip_;
};

ZipReader::ZipReader(fs::path path) : path_(std::move(path)), container_(std::make_unique<Container>(path_)) {
    const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(container_->zip(), ZIP_FL_UNCHANGED));
    std::uint64_t room = container_->file().size();
    entries_.reserve(count);
    for (zip_uint64_t i = 0; i < count; ++i) {
        entries_.push_back(examine(container_->zip(), i, container_->file(), path_));
        const EntryInfo& entry = entries_.back();
        if (!by_name_.emplace(entry.name, i).second)
            throw unsafe(path_, fmt::format("the entry '{}' is there twice", printable(entry.name)));
        // Entries that share data make a small file a large one (a zip bomb).
        if (entry.compressed > room)
            throw unsafe(path_, "its entries overlap");
        room -= entry.compressed;
    }
}

ZipReader::~ZipReader() = default;

int ZipReader::fd() const noexcept { return container_->file().fd(); }
std::uint64_t ZipReader::file_size() const noexcept { return container_->file().size(); }

const EntryInfo* ZipReader::find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &entries_[found->second];
}

RawEntry ZipReader::open_raw(std::string_view name) const {
    const EntryInfo* entry = find(name);
    if (entry == nullptr)
        throw Error(Fault::checkpoint, fmt::format("{} has no entry '{}'", path_.string(), printable(name)));
    std::uint64_t start = 0;
    if (entry->compressed != 0) {
        const auto index = static_cast<std::size_t>(entry - entries_.data());
        start = data_start(container_->file(), container_->local_header(index, *entry, path_), *entry, path_);
    }
    return {*entry, container_->file().fd(), path_, start};
}

void ZipReader::expect_forward_reading() const {
    // Advice only: without it reading works as well.
    ::posix_fadvise(container_->file().fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

std::string ZipReader::read(std::string_view name, std::size_t limit) const {
    const RawEntry raw = open_raw(name);
    const EntryInfo& entry = raw.info();
    if (entry.size > limit || entry.compressed > compressed_bound(entry.size))
        throw damaged(path_, name, fmt::format("it is larger than {} bytes", limit));
    std::vector<std::byte> compressed(entry.compressed);
    raw.read(0, compressed);
    std::string content(entry.size, '\0');
    const auto out = std::as_writable_bytes(std::span(content));
    try {
        FrameDecoder().decode_entry(entry.method, compressed, out);
    } catch (const Error& error) {
        throw error.fault() == Fault::checkpoint ? damaged(path_, name, error.what()) : error;
    }
    if (crc32_of(out) != entry.crc)
        throw damaged(path_, name, "its checksum differs");
    return content;
}

} // namespace cedana
