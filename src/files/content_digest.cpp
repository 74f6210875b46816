// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/content_digest.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/file_reads.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace cedana {

std::optional<std::string> content_digest(int fd, const std::filesystem::path& path, std::uint64_t size,
                                          const Interrupt& interrupt) {
    constexpr std::uint64_t k_block = 1024UL * 1024;
    std::vector<std::byte> buffer(std::min(size, k_block));
    Sha256Stream digest;
    for (std::uint64_t done = 0; done < size;) {
        interrupt.throw_if_pending();
        const auto wanted = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), size - done));
        const std::size_t count = read_at(fd, done, wanted, path);
        if (count == 0)
            return std::nullopt;
        digest.add(wanted.first(count));
        done += count;
    }
    return hex(digest.finish());
}

} // namespace cedana
