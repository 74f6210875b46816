// SPDX-License-Identifier: Apache-2.0
// Large files that are mostly holes: databases and images of disks have a size of terabytes and hold little. Only what
// they hold is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>

namespace cedana {

// Called for each piece of up to a MiB that may hold something, in order. What is between them reads as zeros.
using PieceReader = std::function<void(std::uint64_t offset, std::span<const std::byte> data)>;

// shared: others have the file open with the same position, which a search for holes would move (lseek(2)).
enum class FilePosition { own, shared };

// An open file, and how much of it is to be read.
struct SparseFile {
    int fd = -1;
    FilePosition position = FilePosition::own;
    // For messages.
    std::filesystem::path path;
    // Bytes from its start.
    std::uint64_t size = 0;
    // How many bytes may be read at most.
    std::uint64_t bound = std::numeric_limits<std::uint64_t>::max();
};

// Reads it, without the holes if its position is its own. Absent once more than `bound` bytes would have to be read;
// false: the file ends before `size`. Throws Error.
[[nodiscard]] std::optional<bool> read_pieces(const SparseFile& file, const PieceReader& piece);

// A digest of the blocks of 4 KiB that are not all zeros, each behind its number: the same wherever the holes are.
// Absent if the file ends before `size`, or if more than `bound` bytes would have to be read. `moved`: called for each
// piece. Throws Error.
[[nodiscard]] std::optional<std::string> blocks_digest(const SparseFile& file, const std::function<void()>& moved);

} // namespace cedana
