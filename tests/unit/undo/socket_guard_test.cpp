// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/undo/socket_guard.hpp"

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

class GuardedSocket : public test::InTempFolder {
  protected:
    GuardedSocket() : socket(path("a.sock")) { fs::create_directory(path("work")); }

    [[nodiscard]] UniqueFd bind_here() const {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    [[nodiscard]] std::optional<FileId> present() const { return file_id_at(AT_FDCWD, socket.string()); }
    // What CRIU does.
    [[nodiscard]] UniqueFd bind_anew() const {
        fs::remove(socket);
        return bind_here();
    }
    [[nodiscard]] std::size_t names() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(path("")), fs::directory_iterator())) - 1;
    }
    [[nodiscard]] std::unique_ptr<SocketGuard> guard(bool is_made_anew = true) const {
        return std::make_unique<SocketGuard>(
            std::vector<SocketPath>{{.path = socket.string(), .is_made_anew = is_made_anew}}, journal());
    }
    [[nodiscard]] fs::path journal() const { return path("work") / "socket.journal"; }

    fs::path socket;
};

TEST_F(GuardedSocket, IsPutBackWhenTheRestoreFailsThoughCriuHasRemovedIt) {
    bind_here().reset();
    const auto before = present();
    auto guarding = guard();
    fs::remove(socket);
    guarding.reset();
    EXPECT_EQ(present(), before);
    EXPECT_EQ(names(), 1U);
}

TEST_F(GuardedSocket, IsPutBackInPlaceOfOneThatDiedWithTheRestore) {
    bind_here().reset();
    const auto before = present();
    auto guarding = guard();
    bind_anew().reset();
    guarding.reset();
    EXPECT_EQ(present(), before);
    EXPECT_EQ(names(), 1U);
}

TEST_F(GuardedSocket, IsLeftToWhoeverListensThereByNow) {
    bind_here().reset();
    auto guarding = guard();
    const UniqueFd other = bind_anew();
    const auto theirs = present();
    guarding.reset();
    EXPECT_EQ(present(), theirs);
    EXPECT_EQ(names(), 1U);
}

TEST_F(GuardedSocket, IsLeftToAFileThatIsNoSocket) {
    bind_here().reset();
    auto guarding = guard();
    fs::remove(socket);
    std::ofstream(socket) << "somebody's";
    guarding.reset();
    EXPECT_EQ(read_file(socket), "somebody's");
    EXPECT_EQ(names(), 1U);
}

TEST_F(GuardedSocket, IsTheTreesOnceItIsBack) {
    bind_here().reset();
    auto guarding = guard();
    const UniqueFd tree = bind_anew();
    const auto theirs = present();
    guarding->commit();
    guarding.reset();
    EXPECT_EQ(present(), theirs);
    EXPECT_EQ(names(), 1U);
}

TEST_F(GuardedSocket, ThatCriuMakesNoneOfStaysWithItsServer) {
    const UniqueFd server = bind_here();
    const auto before = present();
    auto guarding = guard(false);
    fs::remove(socket);
    guarding->commit();
    EXPECT_EQ(present(), before);
    EXPECT_EQ(names(), 1U);
}

TEST_F(GuardedSocket, IsPutBackAfterAKill) {
    bind_here().reset();
    const auto before = present();
    // Its process ends before it is destroyed.
    const pid_t child = ::fork();
    if (child == 0) {
        const auto guarding = guard();
        ::_exit(fs::remove(socket) ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    SocketGuard::finish_killed(journal(), false);
    EXPECT_EQ(present(), before);
    EXPECT_EQ(names(), 1U);
    SocketGuard::finish_killed(journal(), false);
    EXPECT_EQ(present(), before);
}

TEST_F(GuardedSocket, ThatIsNotThereNeedsNoGuard) {
    guard().reset();
    EXPECT_FALSE(fs::exists(journal()));
    SocketGuard::finish_killed(journal(), false);
    EXPECT_FALSE(present());
}

} // namespace
} // namespace cedana
