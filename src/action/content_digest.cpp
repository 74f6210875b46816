// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/content_digest.hpp"

#include "cedana/archive/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

std::optional<std::string> content_digest(int fd, const std::filesystem::path& path, std::uint64_t size,
                                          const Interrupt& interrupt) {
    constexpr std::uint64_t k_block = 1024UL * 1024;
    std::vector<std::byte> buffer(std::min(size, k_block));
    Sha256Stream digest;
    for (std::uint64_t done = 0; done < size;) {
        interrupt.throw_if_pending();
        const ssize_t count =
            ::pread(fd, buffer.data(), std::min<std::uint64_t>(buffer.size(), size - done), static_cast<off_t>(done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            const int err = errno;
            throw os_error(err, fmt::format("cannot read {}", printable(path.string())), Fault::storage);
        }
        if (count == 0)
            return std::nullopt;
        digest.add(std::span(buffer).first(static_cast<std::size_t>(count)));
        done += static_cast<std::uint64_t>(count);
    }
    return hex(digest.finish());
}

} // namespace cedana
