// SPDX-License-Identifier: Apache-2.0
#include "support/tmpfs.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>

#include <spdlog/fmt/fmt.h>

#include <sys/mount.h>

namespace cedana::testing {

bool Tmpfs::mount(const std::filesystem::path& folder, std::uint64_t bytes) {
    std::filesystem::create_directories(folder);
    const std::string options = fmt::format("size={},mode=0755", bytes);
    if (::mount("cedana-test", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
        const int err = errno;
        if (err == EPERM || err == EACCES)
            return false;
        throw os_error(err, fmt::format("cannot mount a tmpfs on {}", folder.string()));
    }
    folder_ = folder;
    return true;
}

Tmpfs::~Tmpfs() {
    if (!folder_.empty())
        ::umount2(folder_.c_str(), MNT_DETACH);
}

} // namespace cedana::testing
