// SPDX-License-Identifier: Apache-2.0
// For tests of the whole program: each run of them has folders of cedana's own for itself, so that several can go side
// by side. What one leaves there on purpose, the cedana of another would clean up.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

bool mount_own(const char* folder) {
    return (::mkdir(folder, 0700) == 0 || errno == EEXIST) && ::mount("tmpfs", folder, "tmpfs", 0, "mode=0700") == 0;
}

// In a mount namespace of its own, in which what it mounts ends with it.
bool mount_own_folders() {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount_own("/run/cedana") && mount_own("/var/log/cedana");
}

} // namespace

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    // Whoever is not root has none.
    if (!GTEST_FLAG_GET(list_tests) && ::geteuid() == 0 && !mount_own_folders()) {
        std::fprintf(stderr, "cannot mount folders of its own: %s\n", std::strerror(errno));
        return 1;
    }
    return RUN_ALL_TESTS();
}
