// SPDX-License-Identifier: Apache-2.0
// A tar archive that is an image of a checkpoint, entry by entry.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/text.hpp"
#include "cedana/model/image_bytes.hpp"
#include "cedana/model/image_stream.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

#include "archives.hpp"

namespace cedana::containers {

class TarReader {
  public:
    // The archive's next bytes, valid until it is called again; none at its end. May throw.
    using NextBytes = std::function<std::span<const std::byte>()>;

    explicit TarReader(NextBytes next_bytes) : next_bytes_(std::move(next_bytes)), reader_(::archive_read_new()) {
        ::archive_read_support_format_tar(reader_.get());
        require(::archive_read_open(reader_.get(), this, nullptr, &TarReader::read, nullptr));
    }

    TarReader(ImageSource& source, const std::string& image, const Interrupt& interrupt)
        : TarReader([bytes = std::make_shared<ImageBytes>(source, image, interrupt)] { return bytes->next(); }) {}
    TarReader(const TarReader&) = delete;
    TarReader& operator=(const TarReader&) = delete;

    // Null at the end.
    archive_entry* next() {
        archive_entry* entry = nullptr;
        const int result = ::archive_read_next_header(reader_.get(), &entry);
        if (result == ARCHIVE_EOF && !failure_)
            return nullptr;
        require(result);
        return entry;
    }

    // The next bytes of the entry; none at its end. Holes are zeros.
    std::span<const std::byte> read_some(std::span<std::byte> buffer) {
        const la_ssize_t count = ::archive_read_data(reader_.get(), buffer.data(), buffer.size());
        require(static_cast<int>(std::min<la_ssize_t>(count, ARCHIVE_OK)));
        return std::span<const std::byte>(buffer).first(static_cast<std::size_t>(std::max<la_ssize_t>(count, 0)));
    }

    void copy_to(int file, const std::string& path) {
        const void* block = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        while (true) {
            const int result = ::archive_read_data_block(reader_.get(), &block, &size, &offset);
            if (result == ARCHIVE_EOF && !failure_)
                return;
            require(result);
            if (::lseek(file, offset, SEEK_SET) < 0)
                throw OsFailure(Fault::storage).error("cannot write the container's file /{}", printable(path));
            write_all(file, std::span(static_cast<const std::byte*>(block), size), path);
        }
    }

  private:
    static la_ssize_t read(archive* /*reader*/, void* self, const void** block) {
        auto* const reader = static_cast<TarReader*>(self);
        try {
            const std::span<const std::byte> bytes = reader->next_bytes_();
            *block = bytes.data();
            return static_cast<la_ssize_t>(bytes.size());
        } catch (...) {
            reader->failure_ = std::current_exception();
            return -1;
        }
    }

    void require(int result) {
        if (failure_)
            std::rethrow_exception(failure_);
        if (result < ARCHIVE_WARN)
            throw Error(Fault::checkpoint,
                        fmt::format("the files of the container in the checkpoint cannot be read: {}",
                                    ::archive_error_string(reader_.get())));
    }

    NextBytes next_bytes_;
    std::exception_ptr failure_;
    ArchiveReader reader_;
};

} // namespace cedana::containers
