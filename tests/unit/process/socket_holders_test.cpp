// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/unique_fd.hpp"
#include "cedana/process/socket_holders.hpp"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

class HoldersOfPath : public test::InTempFolder {
  protected:
    static UniqueFd bound_to(const std::string& path, int type = SOCK_STREAM) {
        UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    [[nodiscard]] std::vector<pid_t> pids(const std::string& path) const {
        std::vector<pid_t> found;
        for (const SocketHolder& one : holders_of_path(Procfs(), path))
            found.push_back(one.pid);
        return found;
    }
};

TEST_F(HoldersOfPath, AreThoseThatAreBoundToIt) {
    const UniqueFd fd = bound_to(path("a").string());
    EXPECT_EQ(pids(path("a").string()), (std::vector<pid_t>{::getpid()}));
    EXPECT_EQ(SocketHolder{.pid = ::getpid()}.described(Procfs()).substr(0, 8), "process ");
}

TEST_F(HoldersOfPath, AreFoundUnderEachName) {
    const UniqueFd fd = bound_to(path("a").string(), SOCK_DGRAM);
    std::filesystem::create_symlink("a", path("link"));
    std::filesystem::rename(path("a"), path("b"));
    std::filesystem::create_symlink("b", path("a"));
    EXPECT_EQ(pids(path("b").string()).size(), 1U);
    EXPECT_EQ(pids(path("a").string()).size(), 1U);
}

TEST_F(HoldersOfPath, AreNobodyOnceTheSocketIsClosed) {
    bound_to(path("a").string()).reset();
    EXPECT_TRUE(pids(path("a").string()).empty());
    EXPECT_TRUE(pids(path("missing").string()).empty());
}

TEST_F(HoldersOfPath, AreNotThoseThatHadThePathBefore) {
    const UniqueFd before = bound_to(path("a").string());
    std::filesystem::remove(path("a"));
    bound_to(path("a").string()).reset();
    EXPECT_TRUE(pids(path("a").string()).empty());
}

} // namespace
} // namespace cedana
