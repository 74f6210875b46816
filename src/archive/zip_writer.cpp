// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/zip_writer.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>

#include "entry_name.hpp"
#include "zip_files.hpp"

namespace cedana {

namespace {

// APPNOTE 4.4.3: what a reader must know to extract zstd; libzip 1.7.3 does not know the method.
constexpr zip_uint8_t k_version_for_zstd = 63;

struct DiscardWritten {
    void operator()(zip_t* zip) const noexcept { zip_discard(zip); }
};
using WrittenZip = std::unique_ptr<zip_t, DiscardWritten>;

// An entry as libzip pulls it.
class Feed {
  public:
    Feed(EntrySource& source, InPlaceFile& file) : source_(&source), file_(&file) { zip_error_init(&error_); }
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;
    ~Feed() { zip_error_fini(&error_); }

    [[nodiscard]] std::exception_ptr failure() const noexcept { return failure_; }

    static zip_int64_t on_command(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) noexcept {
        auto& feed = *static_cast<Feed*>(self);
        try {
            return feed.obey(data, length, command);
        } catch (...) {
            feed.failure_ = std::current_exception();
            zip_error_set(&feed.error_, ZIP_ER_READ, EIO);
            return -1;
        }
    }

  private:
    zip_int64_t obey(void* data, zip_uint64_t length, zip_source_cmd_t command) {
        switch (command) {
        case ZIP_SOURCE_SUPPORTS:
            return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                                  ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_GET_FILE_ATTRIBUTES,
                                                  ZIP_SOURCE_SUPPORTS, -1);
        case ZIP_SOURCE_OPEN:
        case ZIP_SOURCE_CLOSE:
        case ZIP_SOURCE_FREE:
            return 0;
        case ZIP_SOURCE_READ:
            return read(static_cast<std::byte*>(data), length);
        case ZIP_SOURCE_STAT:
            return describe(*static_cast<zip_stat_t*>(data));
        case ZIP_SOURCE_GET_FILE_ATTRIBUTES:
            return describe(*static_cast<zip_file_attributes_t*>(data));
        case ZIP_SOURCE_ERROR:
            return zip_error_to_data(&error_, data, length);
        default:
            zip_error_set(&error_, ZIP_ER_OPNOTSUPP, 0);
            return -1;
        }
    }

    zip_int64_t read(std::byte* out, std::size_t length) {
        if (piece_.empty() && !ended_)
            begin_piece();
        ended_ = piece_.empty();
        const std::size_t count = std::min(length, piece_.size());
        std::copy_n(piece_.begin(), count, out);
        piece_ = piece_.subspan(count);
        return static_cast<zip_int64_t>(count);
    }

    void begin_piece() {
        piece_ = source_->next();
        file_->announce(piece_.size(), source_->known());
    }

    // libzip asks before it reads and again afterwards, when sizes are known. It passes on unchanged what it takes
    // for compressed; stored data it would run through a CRC that is known already, so until the end it is told that
    // all is compressed, and the method that it writes down is the one of the second answer.
    zip_int64_t describe(zip_stat_t& stat) const {
        zip_stat_init(&stat);
        stat.valid = ZIP_STAT_COMP_METHOD;
        stat.comp_method = static_cast<zip_uint16_t>(ended_ ? source_->method() : Method::zstd);
        if (ended_) {
            stat.valid |= ZIP_STAT_SIZE | ZIP_STAT_CRC;
            stat.size = source_->size();
            stat.crc = source_->crc();
        }
        return sizeof stat;
    }

    zip_int64_t describe(zip_file_attributes_t& attributes) const {
        zip_file_attributes_init(&attributes);
        attributes.valid = ZIP_FILE_ATTRIBUTES_HOST_SYSTEM | ZIP_FILE_ATTRIBUTES_EXTERNAL_FILE_ATTRIBUTES;
        attributes.host_system = ZIP_OPSYS_UNIX;
        attributes.external_file_attributes = static_cast<zip_uint32_t>(S_IFREG | S_IRUSR | S_IWUSR) << 16;
        if (source_->method() == Method::zstd) {
            attributes.valid |= ZIP_FILE_ATTRIBUTES_VERSION_NEEDED;
            attributes.version_needed = k_version_for_zstd;
        }
        return sizeof attributes;
    }

    EntrySource* source_;
    InPlaceFile* file_;
    std::span<const std::byte> piece_;
    bool ended_ = false;
    std::exception_ptr failure_;
    zip_error_t error_{};
};

class MemoryEntry : public EntrySource {
  public:
    MemoryEntry(std::span<const std::byte> content, Method method, int level)
        : method_(content.empty() ? Method::store : method), size_(content.size()), crc_(crc32_of(content)) {
        FrameEncoder encoder(method_, level);
        while (!content.empty()) {
            const auto frame = content.first(std::min(content.size(), k_frame_size));
            content = content.subspan(frame.size());
            const auto encoded = encoder.encode(frame, content.empty() ? Position::last : Position::more_follow);
            data_.insert(data_.end(), encoded.begin(), encoded.end());
        }
        rest_ = data_;
    }

    [[nodiscard]] Method method() const override { return method_; }
    [[nodiscard]] std::span<const std::byte> next() override { return std::exchange(rest_, {}); }
    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] std::uint32_t crc() const override { return crc_; }

  private:
    Method method_;
    std::uint64_t size_;
    std::uint32_t crc_;
    std::vector<std::byte> data_;
    std::span<const std::byte> rest_;
};

Error refused(const InPlaceFile& file, const char* reason) {
    return {Fault::internal, fmt::format("cannot write {}: {}", file.path().string(), reason)};
}

// A device that fails when the kernel writes back late gives other bytes than it took; fsync(2) would have told it.
Error not_kept(const InPlaceFile& file, const char* reason) {
    return Error(Fault::storage, fmt::format("cannot write {}: what was written to it is not there any more ({})",
                                             file.path().string(), reason))
        .hint("the disk or the file server may be failing: look into the kernel's log (dmesg)");
}

// The archive as it is so far; a new one if the file is empty.
WrittenZip open_archive(InPlaceFile& file, int flags) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* source = file.share();
    WrittenZip zip(zip_open_from_source(source, flags, &error));
    if (zip)
        return zip;
    zip_source_free(source);
    const Error failure = (flags & ZIP_CREATE) != 0 ? refused(file, zip_error_strerror(&error))
                                                    : not_kept(file, zip_error_strerror(&error));
    zip_error_fini(&error);
    if (file.failure())
        std::rethrow_exception(file.failure());
    throw failure;
}

void add(zip_t* zip, const std::string& name, Feed& feed, const InPlaceFile& file) {
    const std::string flaw = flaw_of_entry_name(name);
    if (!flaw.empty())
        throw refused(file, fmt::format("the entry name '{}' {}", printable(name), flaw).c_str());
    zip_source_t* source = zip_source_function(zip, &Feed::on_command, &feed);
    if (source == nullptr)
        throw refused(file, zip_strerror(zip));
    // Names are ASCII. Added as UTF-8 they get bit 11 from libzip 1.11 on, and none before (_zip_guess_encoding in
    // zip_utf-8.c): the same checkpoint would have other bytes.
    if (zip_file_add(zip, name.c_str(), source, ZIP_FL_ENC_GUESS) < 0) {
        zip_source_free(source);
        throw refused(file, fmt::format("{}: {}", printable(name), zip_strerror(zip)).c_str());
    }
}

void remove(zip_t* zip, const std::string& name, const InPlaceFile& file) {
    const zip_int64_t index = zip_name_locate(zip, name.c_str(), ZIP_FL_ENC_RAW);
    if (index >= 0 && zip_delete(zip, static_cast<zip_uint64_t>(index)) != 0)
        throw refused(file, zip_strerror(zip));
}

// libzip reads and writes everything here.
void close_archive(WrittenZip zip, const std::vector<std::unique_ptr<Feed>>& feeds, const InPlaceFile& file) {
    if (zip_close(zip.get()) == 0) {
        static_cast<void>(zip.release());
        return;
    }
    if (file.failure())
        std::rethrow_exception(file.failure());
    const auto failed = std::ranges::find_if(feeds, [](const auto& feed) { return feed->failure() != nullptr; });
    if (failed != feeds.end())
        std::rethrow_exception((*failed)->failure());
    throw refused(file, zip_strerror(zip.get()));
}

} // namespace

std::unique_ptr<EntrySource> memory_entry(std::string_view content, Method method, int level) {
    return std::make_unique<MemoryEntry>(std::as_bytes(std::span(content)), method, level);
}

ZipWriter::ZipWriter(int fd, std::filesystem::path path, ZipContent content)
    : file_(std::make_unique<InPlaceFile>(fd, std::move(path))),
      state_(content == ZipContent::none ? State::empty : State::whole) {}
ZipWriter::~ZipWriter() = default;

void ZipWriter::write(std::vector<NamedEntry> entries) { write(std::move(entries), Names::unique); }

void ZipWriter::replace(NamedEntry entry) {
    std::vector<NamedEntry> entries;
    entries.push_back(std::move(entry));
    write(std::move(entries), Names::replaced);
}

void ZipWriter::write(std::vector<NamedEntry> entries, Names names) {
    if (state_ == State::broken)
        throw refused(*file_, "an earlier write failed");
    if (entries.empty())
        return;
    const int flags = state_ == State::empty ? ZIP_CREATE | ZIP_TRUNCATE : 0;
    state_ = State::broken;
    // Declared before the archive, which may ask them for their errors until it is gone.
    std::vector<std::unique_ptr<Feed>> feeds;
    WrittenZip zip = open_archive(*file_, flags);
    for (const NamedEntry& entry : entries) {
        if (names == Names::replaced)
            remove(zip.get(), entry.name, *file_);
        feeds.push_back(std::make_unique<Feed>(*entry.source, *file_));
        add(zip.get(), entry.name, *feeds.back(), *file_);
    }
    close_archive(std::move(zip), feeds, *file_);
    entries.clear();
    state_ = State::whole;
}

void ZipWriter::copy_to(HearWritten copy) { file_->copy_to(std::move(copy)); }

std::uint64_t ZipWriter::bytes_written() const noexcept { return file_->bytes_written(); }

} // namespace cedana
