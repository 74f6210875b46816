// SPDX-License-Identifier: Apache-2.0
// Reading and writing files that nobody reads again soon, without taking the page cache, and with it memory, from the
// programs that run: an archive as large as the memory of a tree would push their pages out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/types.h>

namespace cedana {

// pwrite(2), errno and short writes included. The kernel begins to write the bytes to the disk at once, so that little
// is left for an fsync, and forgets them when they are there (RWF_DONTCACHE, Linux 6.14). On kernels and file systems
// that have no such flag they stay cached, but their writing begins too (sync_file_range(2)).
[[nodiscard]] ssize_t write_uncached(int fd, std::span<const std::byte> data, std::uint64_t offset);

} // namespace cedana
