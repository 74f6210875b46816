// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/log.hpp"

#include "cedana/base/file_reads.hpp"
#include "cedana/base/files.hpp"

#include <cstdint>
#include <exception>
#include <span>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// A log that is being read for its errors; CRIU's grow with the number of mappings.
constexpr std::size_t k_log_limit = 64UL * 1024 * 1024;
// CRIU names its version, its run and the kernel before all else.
constexpr std::size_t k_head = 64UL * 1024;

// As much as there is of `size` bytes at `offset`.
std::string read_part(int fd, std::uint64_t offset, std::size_t size, const fs::path& path) {
    std::string part(size, '\0');
    part.resize(read_at(fd, offset, std::as_writable_bytes(std::span(part)), path));
    return part;
}

} // namespace

std::string read_log(const fs::path& log) {
    try {
        const UniqueFd file = open_file(log, O_RDONLY);
        const std::uint64_t size = fs::file_size(log);
        if (size <= k_log_limit)
            return read_part(file.get(), 0, size, log);
        const std::string head = read_part(file.get(), 0, k_log_limit / 2, log);
        return fmt::format("{}\n... {} bytes are left out ...\n{}", head, size - k_log_limit,
                           read_part(file.get(), size - k_log_limit / 2, k_log_limit / 2, log));
    } catch (const std::exception&) {
        return {};
    }
}

std::string read_log_head(const fs::path& log) {
    try {
        return read_part(open_file(log, O_RDONLY).get(), 0, k_head, log);
    } catch (const std::exception&) {
        return {};
    }
}

} // namespace cedana
