// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/uncached.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/uio.h>

namespace cedana {

namespace {

// linux/fs.h; the C library's headers are older.
constexpr int k_dont_cache = 0x80;

} // namespace

ssize_t write_uncached(int fd, std::span<const std::byte> data, std::uint64_t offset) {
    // pwritev2 reads alone, but its iovec is the one of all calls.
    const iovec part{.iov_base = const_cast<std::byte*>(data.data()), .iov_len = data.size()};
    const auto at = static_cast<off_t>(offset);
    ssize_t count = ::pwritev2(fd, &part, 1, at, k_dont_cache);
    if (count >= 0 || (errno != EOPNOTSUPP && errno != EINVAL))
        return count;
    count = ::pwritev2(fd, &part, 1, at, 0);
    // Advice: where it does not work, fsync does all.
    if (count > 0) {
        const int err = errno;
        ::sync_file_range(fd, at, count, SYNC_FILE_RANGE_WRITE);
        errno = err;
    }
    return count;
}

} // namespace cedana
