// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/file_reads.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

// `read`: as read(2), of what is left of `out`.
template <typename Read>
std::size_t fill(std::span<std::byte> out, const std::filesystem::path& path, Read&& read) {
    std::size_t filled = 0;
    while (filled < out.size()) {
        const ssize_t count = read(out.subspan(filled), filled);
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

} // namespace

std::size_t read_at(int fd, std::uint64_t offset, std::span<std::byte> out, const std::filesystem::path& path) {
    return fill(out, path, [&](std::span<std::byte> rest, std::size_t filled) {
        return ::pread(fd, rest.data(), rest.size(), static_cast<off_t>(offset + filled));
    });
}

std::size_t read_in_full(int fd, std::span<std::byte> out, const std::filesystem::path& path) {
    return fill(out, path,
                [&](std::span<std::byte> rest, std::size_t) { return ::read(fd, rest.data(), rest.size()); });
}

} // namespace cedana
