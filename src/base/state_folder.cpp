// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/state_folder.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>
#include <system_error>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

bool is_own(const struct ::stat& info) {
    return S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() && (info.st_mode & 077) == 0;
}

} // namespace

std::optional<fs::path> own_state_folder() {
    struct ::stat info {};
    return ::lstat(k_state_path, &info) == 0 && is_own(info) ? std::optional<fs::path>(k_state_path) : std::nullopt;
}

void require_own_state_folder() {
    struct ::stat info {};
    if (::lstat(k_state_path, &info) != 0 && errno == ENOENT) {
        if (::faccessat(AT_FDCWD, fs::path(k_state_path).parent_path().c_str(), W_OK, AT_EACCESS) != 0)
            throw OsFailure(Fault::storage).error("cannot create {}", k_state_path);
        return;
    }
    if (!is_own(info))
        throw Error(Fault::permission, fmt::format("{} is not a folder that root alone can use", k_state_path))
            .hint(fmt::format("remove it: rm -r {}", k_state_path));
}

fs::path state_folder() {
    if (::mkdir(k_state_path, 0700) != 0 && errno != EEXIST)
        throw OsFailure(Fault::storage).error("cannot create {}", k_state_path);
    require_own_state_folder();
    return k_state_path;
}

void make_log_folder(const fs::path& folder) {
    std::error_code ignored;
    fs::create_directories(folder, ignored);
    ::chmod(folder.c_str(), 0700);
}

} // namespace cedana
