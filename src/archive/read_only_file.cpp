// SPDX-License-Identifier: Apache-2.0
#include "read_only_file.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

#include <cerrno>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

ReadOnlyFile::ReadOnlyFile(const fs::path& path)
    // O_NONBLOCK: a FIFO of this name must not hold us up.
    : path_(path), fd_(open_file(path, O_RDONLY | O_NONBLOCK)) {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot look at {}", path.string()), Fault::storage);
    }
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

std::size_t read_at(int fd, std::uint64_t offset, std::span<std::byte> out, const fs::path& path) {
    std::size_t filled = 0;
    while (filled < out.size()) {
        const auto position = static_cast<off_t>(offset + filled);
        const ssize_t count = ::pread(fd, out.data() + filled, out.size() - filled, position);
        const int err = errno;
        if (count < 0 && err == EINTR)
            continue;
        if (count < 0)
            throw os_error(err, fmt::format("cannot read {}", path.string()), Fault::storage);
        if (count == 0)
            break;
        filled += static_cast<std::size_t>(count);
    }
    return filled;
}

} // namespace cedana
