// SPDX-License-Identifier: Apache-2.0
#include "cedana/storage/partial_file.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

UniqueFd create_partial(const std::filesystem::path& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) {
        const int err = errno;
        if (err == EEXIST)
            return {};
        throw os_error(err, fmt::format("cannot create {}", path.string()), Fault::storage);
    }
    // Between these two calls the file looks abandoned; whoever removes it then makes the rename fail, and nothing is
    // lost but this dump. File systems without locks (ENOLCK, ENOSYS) leave their partial files to the user.
    ::flock(fd.get(), LOCK_EX | LOCK_NB);
    ::fchmod(fd.get(), 0600);
    return fd;
}

bool remove_if_abandoned(const std::filesystem::path& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 && ::unlink(path.c_str()) == 0;
}

} // namespace cedana
