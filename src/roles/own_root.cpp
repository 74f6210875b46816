// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/own_root.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

namespace cedana::roles {

OwnRoot::OwnRoot(const std::string& folder) {
    if (folder.empty())
        return;
    UniqueFd before = open_file("/proc/self/ns/mnt", O_RDONLY);
    // Slaves: what is mounted in there stays in there, and CRIU finds whose slaves the tree's mounts were.
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0 ||
        ::mount("/", folder.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        ::mount(nullptr, folder.c_str(), nullptr, MS_PRIVATE, nullptr) != 0)
        throw OsFailure(Fault::environment).error("cannot make a root for the mounts of the tree");
    before_ = std::move(before);
}

OwnRoot::~OwnRoot() {
    // A role that stays in there would hold mounts of the host.
    if (before_ && ::setns(before_.get(), CLONE_NEWNS) != 0)
        std::abort();
}

} // namespace cedana::roles
