// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/sparse_copy.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace {

constexpr std::uint64_t k_piece = 1024UL * 1024;
constexpr std::size_t k_digest_block = 4096;

// Where the next data begins and ends; at `size` if there is none.
std::pair<std::uint64_t, std::uint64_t> next_data(int fd, std::uint64_t from, std::uint64_t size) {
    const off_t begin = ::lseek(fd, static_cast<off_t>(from), SEEK_DATA);
    if (begin < 0)
        return errno == ENXIO ? std::pair(size, size) : std::pair(from, size);
    const off_t end = ::lseek(fd, begin, SEEK_HOLE);
    return {std::min(static_cast<std::uint64_t>(begin), size),
            end < 0 ? size : std::min(static_cast<std::uint64_t>(end), size)};
}

bool is_all_zero(std::span<const std::byte> data) {
    return std::ranges::all_of(data, [](std::byte byte) { return byte == std::byte{0}; });
}

} // namespace

std::optional<bool> read_pieces(const SparseFile& file, const PieceReader& piece) {
    const std::uint64_t size = file.size;
    std::uint64_t bound = file.bound;
    std::vector<std::byte> buffer(std::min(size, k_piece));
    struct ::stat info {};
    if (::fstat(file.fd, &info) != 0)
        throw OsFailure(Fault::storage).error("cannot look at {}", file.path.string());
    std::optional<bool> result = static_cast<std::uint64_t>(info.st_size) >= size;
    for (std::uint64_t at = 0; result == true && at < size;) {
        const auto [begin, stop] =
            file.position == FilePosition::own ? next_data(file.fd, at, size) : std::pair(at, size);
        at = begin;
        while (result == true && at < stop) {
            const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), stop - at));
            if (part.size() > bound) {
                result = std::nullopt;
                break;
            }
            bound -= part.size();
            const std::size_t count = read_at(file.fd, at, part, file.path);
            if (count != part.size())
                result = false;
            piece(at, part.first(count));
            at += part.size();
        }
    }
    return result;
}

std::optional<std::string> blocks_digest(const SparseFile& file, const std::function<void()>& moved) {
    Sha256Stream digest;
    // File systems give their holes in blocks of their own, some smaller than ours.
    std::vector<std::byte> block(k_digest_block);
    std::uint64_t number = 0;
    const auto end_block = [&] {
        if (!is_all_zero(block)) {
            std::array<std::byte, sizeof number> place{};
            for (std::size_t i = 0; i < place.size(); ++i)
                place.at(i) = static_cast<std::byte>(number >> (8 * i));
            digest.add(place);
            digest.add(block);
        }
        std::ranges::fill(block, std::byte{0});
    };
    const auto whole = read_pieces(file, [&](std::uint64_t offset, std::span<const std::byte> data) {
        moved();
        while (!data.empty()) {
            if (offset / k_digest_block != number) {
                end_block();
                number = offset / k_digest_block;
            }
            const std::size_t in_block = offset % k_digest_block;
            const auto part = data.first(std::min(data.size(), k_digest_block - in_block));
            std::memcpy(block.data() + in_block, part.data(), part.size());
            data = data.subspan(part.size());
            offset += part.size();
        }
    });
    if (whole != true)
        return std::nullopt;
    end_block();
    return hex(digest.finish());
}

} // namespace cedana
