// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/tar_writer.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/model/image_bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

#include "archives.hpp"

namespace cedana::containers {

namespace {

ArchiveEntry make_entry(const TarEntry& from) {
    ArchiveEntry entry(::archive_entry_new());
    ::archive_entry_copy_stat(entry.get(), &from.info);
    ::archive_entry_set_pathname(entry.get(), from.name.c_str());
    if (!from.target.empty())
        ::archive_entry_set_symlink(entry.get(), from.target.c_str());
    if (!from.same_as.empty()) {
        ::archive_entry_set_hardlink(entry.get(), from.same_as.c_str());
        ::archive_entry_unset_size(entry.get());
    }
    for (const auto& [name, value] : from.attributes)
        ::archive_entry_xattr_add_entry(entry.get(), name.c_str(), value.data(), value.size());
    return entry;
}

} // namespace

void TarWriter::Free::operator()(archive* writer) const noexcept { ::archive_write_free(writer); }

TarWriter::TarWriter(ImageSink& sink, const std::string& image, const Interrupt& interrupt)
    : sink_(sink), interrupt_(interrupt), image_(sink.begin(image)), writer_(::archive_write_new()) {
    // All of a time, which the restricted form leaves out where nothing else needs the longer header.
    ::archive_write_set_format_pax(writer_.get());
    // Names are bytes, whatever the locale.
    ::archive_write_set_format_option(writer_.get(), "pax", "hdrcharset", "BINARY");
    // No padding at the end.
    ::archive_write_set_bytes_in_last_block(writer_.get(), 1);
    require(::archive_write_open(writer_.get(), this, nullptr, &TarWriter::write, nullptr), image);
}

TarWriter::~TarWriter() {
    // What is written at the end goes nowhere if it was not finished.
    if (!failure_)
        failure_ = std::make_exception_ptr(Error(Fault::internal, "an archive was not finished"));
}

long TarWriter::write(archive* /*writer*/, void* self, const void* bytes, std::size_t count) {
    auto* const writer = static_cast<TarWriter*>(self);
    if (writer->failure_)
        return -1;
    try {
        fill_image(writer->sink_, writer->image_, std::span(static_cast<const std::byte*>(bytes), count),
                   writer->interrupt_);
        return static_cast<long>(count);
    } catch (...) {
        writer->failure_ = std::current_exception();
        return -1;
    }
}

void TarWriter::require(int result, const std::string& name) {
    if (failure_)
        std::rethrow_exception(failure_);
    // A warning is of a part of the entry that this form of an archive cannot hold.
    if (result < ARCHIVE_WARN)
        throw Error(Fault::dump_failed, fmt::format("cannot put {} into the checkpoint: {}", printable(name),
                                                    ::archive_error_string(writer_.get())));
}

void TarWriter::copy(int file, std::uint64_t size, const std::string& name) {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(size, k_mib));
    for (std::uint64_t done = 0; done < size;) {
        interrupt_.throw_if_pending();
        const ssize_t count =
            ::pread(file, buffer.data(), std::min<std::uint64_t>(buffer.size(), size - done), static_cast<off_t>(done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw OsFailure(Fault::storage).error("cannot read {}", printable(name));
        // Somebody has cut it: libarchive fills up with zeros.
        if (count == 0)
            return;
        append(std::span(buffer).first(static_cast<std::size_t>(count)), name);
        done += static_cast<std::uint64_t>(count);
    }
}

void TarWriter::append(std::span<const std::byte> bytes, const std::string& name) {
    require(static_cast<int>(
                std::min<la_ssize_t>(::archive_write_data(writer_.get(), bytes.data(), bytes.size()), ARCHIVE_OK)),
            name);
}

void TarWriter::begin(const TarEntry& entry) {
    require(::archive_write_header(writer_.get(), make_entry(entry).get()), entry.name);
}

void TarWriter::add(const TarEntry& entry, int file) {
    begin(entry);
    if (file >= 0 && entry.same_as.empty())
        copy(file, static_cast<std::uint64_t>(entry.info.st_size), entry.name);
}

void TarWriter::finish() {
    require(::archive_write_close(writer_.get()), "the end of an archive");
    sink_.end(image_);
    failure_ = std::make_exception_ptr(Error(Fault::internal, "an archive is finished already"));
}

} // namespace cedana::containers
