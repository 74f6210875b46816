// SPDX-License-Identifier: Apache-2.0
// Reading into memory that is there already, in whole: EINTR and short reads are retried. `path` is for the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace cedana {

// pread(2) until `out` is full or the file ends: how much was filled. Throws Error of the errno (else Fault::storage).
[[nodiscard]] std::size_t read_at(int fd, std::uint64_t offset, std::span<std::byte> out,
                                  const std::filesystem::path& path);

// As read_at, from where the file stands; for pipes and sockets too.
[[nodiscard]] std::size_t read_in_full(int fd, std::span<std::byte> out, const std::filesystem::path& path);

} // namespace cedana
