// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/rename.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_id.hpp"

#include <cerrno>
#include <cstdio>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

int rename_at(int from_folder, const std::string& from, int to_folder, const std::string& to, unsigned flags) {
    const auto file = file_id_at(from_folder, from);
    if (::renameat2(from_folder, from.c_str(), to_folder, to.c_str(), flags) == 0)
        return 0;
    const int err = errno;
    const bool done = file && file_id_at(to_folder, to) == file && file_id_at(from_folder, from) != file;
    return done ? 0 : err;
}

int try_rename_new(const fs::path& from, const fs::path& to) {
    const auto file = file_id_at(AT_FDCWD, from.string());
    int err = rename_at(AT_FDCWD, from.string(), AT_FDCWD, to.string(), RENAME_NOREPLACE);
    // EINVAL: the file system has no RENAME_NOREPLACE (rename(2)); a hard link never replaces either.
    if (err == EINVAL || err == ENOSYS) {
        if (::link(from.c_str(), to.c_str()) == 0) {
            if (::unlink(from.c_str()) != 0)
                spdlog::warn("cannot remove {} after it was linked to {}", from.string(), to.string());
            return 0;
        }
        err = errno;
    }
    // The link's answer may be lost too.
    if (err != 0 && file && file_id_at(AT_FDCWD, to.string()) == file) {
        ::unlink(from.c_str());
        return 0;
    }
    return err;
}

bool rename_new(const fs::path& from, const fs::path& to) {
    const int err = try_rename_new(from, to);
    if (err != 0 && err != EEXIST)
        throw os_error(err, fmt::format("cannot rename {} to {}", from.string(), to.string()), Fault::storage);
    return err == 0;
}

} // namespace cedana
