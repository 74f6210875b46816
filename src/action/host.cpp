// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/host.hpp"

#include "cedana/action/kept_logs.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/system_names.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_state_folder = "/run/cedana";
constexpr const char* k_log_folder = "/var/log/cedana";
// A log that is being read for its errors; CRIU's grow with the number of mappings.
constexpr std::size_t k_log_limit = 64UL * 1024 * 1024;
// CRIU names its version, its run and the kernel before all else.
constexpr std::size_t k_head = 64UL * 1024;

// As much as there is of `size` bytes at `offset`.
std::string read_part(int fd, std::uint64_t offset, std::size_t size) {
    std::string part;
    std::array<char, 64 * 1024> buffer;
    while (part.size() < size) {
        const ssize_t count = ::pread(fd, buffer.data(), std::min(buffer.size(), size - part.size()),
                                      static_cast<off_t>(offset + part.size()));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            const int err = errno;
            throw os_error(err, "cannot read a log");
        }
        if (count == 0)
            break;
        part.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return part;
}

std::string first_value(const std::string& text, std::string_view key) {
    for (const std::string& line : split(text, '\n'))
        if (line.starts_with(key))
            if (const std::size_t colon = line.find(':'); colon != std::string::npos)
                return std::string(trim(std::string_view(line).substr(colon + 1)));
    return {};
}

} // namespace

void require_root(const std::string& to_do) {
    if (::geteuid() != 0)
        throw Error(Fault::permission, fmt::format("only root can {}", to_do)).hint("run it with sudo");
}

std::string host_name() { return system_names().host; }

ManifestHost describe_host() {
    SystemNames names = system_names();
    const std::string cpuinfo = read_file("/proc/cpuinfo");
    return {.name = std::move(names.host),
            .kernel = std::move(names.kernel),
            .machine = std::move(names.machine),
            .cpu_model = first_value(cpuinfo, "model name"),
            .cpu_flags = split(first_value(cpuinfo, "flags"), ' ')};
}

void require_own_state_folder() {
    struct ::stat info {};
    if (::lstat(k_state_folder, &info) != 0 && errno == ENOENT)
        return;
    if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0)
        throw Error(Fault::permission, fmt::format("{} is not a folder that root alone can use", k_state_folder))
            .hint(fmt::format("remove it: rm -r {}", k_state_folder));
}

fs::path state_folder() {
    if (::mkdir(k_state_folder, 0700) != 0 && errno != EEXIST) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot create {}", k_state_folder), Fault::storage);
    }
    require_own_state_folder();
    return k_state_folder;
}

std::string keep_log(const fs::path& log, const std::string& kind, pid_t pid) {
    return keep_log_in(k_log_folder, log, kind, pid);
}

std::string read_log(const fs::path& log) {
    try {
        const UniqueFd file = open_file(log, O_RDONLY);
        const std::uint64_t size = fs::file_size(log);
        if (size <= k_log_limit)
            return read_part(file.get(), 0, k_log_limit);
        const std::string head = read_part(file.get(), 0, k_log_limit / 2);
        return fmt::format("{}\n... {} bytes are left out ...\n{}", head, size - k_log_limit,
                           read_part(file.get(), size - k_log_limit / 2, k_log_limit / 2));
    } catch (const std::exception&) {
        return {};
    }
}

std::string read_log_head(const fs::path& log) {
    try {
        return read_part(open_file(log, O_RDONLY).get(), 0, k_head);
    } catch (const std::exception&) {
        return {};
    }
}

} // namespace cedana
