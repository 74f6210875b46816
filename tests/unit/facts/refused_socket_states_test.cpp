// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/facts/losses.hpp"
#include "cedana/facts/refusal.hpp"

#include <cstring>
#include <filesystem>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;
using testing::holds;
using testing::keep;
using testing::Look;
using testing::must;

std::vector<Refusal> states_refused_of_child(const std::function<void()>& set_up) {
    const Forked child(set_up);
    const Look look(Procfs(), child.pid());
    return refused_socket_states(look.holdings);
}

void bind_at(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int socket = keep(::socket(AF_UNIX, SOCK_STREAM, 0));
    must(::bind(socket, reinterpret_cast<sockaddr*>(&address),
                static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size())) == 0);
}

TEST(RefusedSocketStates, AreAPathOfFullLength) {
    const TempDir folder(std::filesystem::temp_directory_path(), "cedana-test");
    const auto bound = [&](std::size_t length) {
        return states_refused_of_child([&] {
            must(::chdir(folder.path().c_str()) == 0);
            bind_at(std::string(length, 'p'));
        });
    };
    const auto refusals = bound(108);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "108 bytes")) << refusals[0].sentence;
    EXPECT_TRUE(bound(107).empty());
}

TEST(RefusedSocketStates, AreARelativePathThatIsAnotherOneByNow) {
    const TempDir folder(std::filesystem::temp_directory_path(), "cedana-test");
    const auto refusals = states_refused_of_child([&] {
        must(::chdir(folder.path().c_str()) == 0);
        bind_at("one");
        bind_at("./two");
        bind_at(folder.path() / "three");
        must(::rename("one", "ones") == 0 && ::rename("three", "threes") == 0);
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "the unix socket one")) << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].sentence, "/ones by now")) << refusals[0].sentence;
}

TEST(RefusedSocketStates, AreAnUrgentByteOfAUnixStream) {
    const auto with = [](int flags) {
        return states_refused_of_child([flags] {
            auto [sender, receiver] = make_socket_pair(SOCK_STREAM);
            must(::send(sender.get(), "ab", 2, flags) == 2);
            keep(sender.release());
            keep(receiver.release());
        });
    };
    EXPECT_TRUE(with(0).empty());
    const auto refusals = with(MSG_OOB);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "urgent byte")) << refusals[0].sentence;
}

TEST(LostPlaces, AreThoseOfSocketsBelowARootOfItsOwn) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root, for chroot(2)";
    const TempDir folder(std::filesystem::temp_directory_path(), "cedana-test");
    const auto losses = [&](bool chrooted) {
        const Forked child([&] {
            must(!chrooted || (::chroot(folder.path().c_str()) == 0 && ::chdir("/") == 0));
            bind_at(chrooted ? "/within" : (folder.path() / "outside").string());
        });
        const Look look(Procfs(), child.pid());
        return find_lost_places(Procfs(), look.holdings);
    };
    EXPECT_TRUE(losses(false).empty());
    const auto lost = losses(true);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_TRUE(holds(lost[0], "the unix socket /within")) << lost[0];
}

TEST(LostEnds, AreStatusesOfMoreThanSevenBits) {
    const auto losses = [](int status) {
        const Forked parent([status] {
            const pid_t child = ::fork();
            if (child == 0)
                ::_exit(status);
            siginfo_t info{};
            ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
        });
        const Look look(Procfs(), parent.pid());
        return find_lost_ends(look.tree);
    };
    EXPECT_TRUE(losses(127).empty());
    const auto lost = losses(255);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_TRUE(holds(lost[0], "the exit status 255")) << lost[0];
    EXPECT_TRUE(holds(lost[0], "it is 127 then")) << lost[0];
}

} // namespace
} // namespace cedana
