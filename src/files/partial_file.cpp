// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/partial_file.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"
#include "cedana/base/system_names.hpp"
#include "cedana/base/text.hpp"
#include "cedana/files/file_name.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_ending = ".zip.partial";

std::string this_host() {
    std::string host = system_names().host;
    std::ranges::replace_if(
        host, [](char c) { return c == '.' || c == '/'; }, '_');
    return host;
}

// The host in such a name.
std::optional<std::string_view> host_in(std::string_view name) {
    if (!name.ends_with(k_ending))
        return std::nullopt;
    name.remove_suffix(k_ending.size());
    const std::size_t dot = name.rfind('.');
    const std::size_t dash = name.rfind('-');
    std::int64_t pid = 0;
    if (dot == std::string_view::npos || dash == std::string_view::npos || dash < dot ||
        !parse_number(name.substr(dash + 1), pid))
        return std::nullopt;
    return name.substr(dot + 1, dash - dot - 1);
}

// A file system without locks (ENOLCK, ENOSYS) leaves its partial files to the user.
bool lock(const UniqueFd& file) { return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

bool is_a_users_own(const UniqueFd& file) {
    struct ::stat info {};
    return ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == ::geteuid();
}

} // namespace

std::string partial_name(std::string_view stem) {
    return name_with(stem, fmt::format(".{}-{}{}", this_host(), ::getpid(), k_ending));
}

UniqueFd create_partial(const fs::path& path) {
    while (true) {
        UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!fd) {
            const int err = errno;
            if (err == EEXIST)
                return {};
            throw os_error(err, fmt::format("cannot create {}", path.string()), Fault::storage);
        }
        // Between these two calls the file looks abandoned: whoever cleans up may have it in his hands.
        if (!lock(fd) || is_removed(fd))
            continue;
        ::fchmod(fd.get(), 0600);
        return fd;
    }
}

bool is_removed(const UniqueFd& file) {
    struct ::stat info {};
    return ::fstat(file.get(), &info) == 0 && info.st_nlink == 0;
}

PartialFate remove_if_abandoned(const fs::path& path) {
    const std::string name = path.filename().string();
    const auto host = host_in(name);
    if (!host)
        return PartialFate::not_ours;
    if (*host != this_host())
        return PartialFate::of_another_host;
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd || !is_a_users_own(fd) || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || is_removed(fd))
        return PartialFate::kept;
    // Nobody else may unlink or replace it while it is locked, except for somebody who does not ask.
    struct ::stat info {};
    if (::fstat(fd.get(), &info) != 0 || file_id_at(AT_FDCWD, path.string()) != file_id(info))
        return PartialFate::kept;
    return ::unlink(path.c_str()) == 0 ? PartialFate::removed : PartialFate::kept;
}

} // namespace cedana
