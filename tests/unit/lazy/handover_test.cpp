// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/lazy/handover.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string_view>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

// CRIU's side.
class Handover : public ::cedana::test::InTempFolder {
  protected:
    Handover() {
        const std::filesystem::path socket = path(k_lazy_socket);
        const UniqueFd listener = listen_unix(socket);
        criu_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(criu_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        // One that waits already.
        shut_listener(listener.get());
        ours = LazyHandover::accept(listener.get());
        EXPECT_TRUE(ours);
        EXPECT_FALSE(LazyHandover::accept(listener.get()));
    }
    void say(std::int32_t number) const { EXPECT_EQ(::send(criu_.get(), &number, sizeof number, 0), 4); }
    void pass(int fd) const { EXPECT_EQ(send_with_fd(criu_.get(), std::string_view("\0", 1), fd), 1); }
    void hang_up() { criu_.reset(); }

    UniqueFd criu_;
    std::optional<LazyHandover> ours;
};

bool is_same_file(int a, int b) {
    struct stat one {};
    struct stat other {};
    return ::fstat(a, &one) == 0 && ::fstat(b, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

TEST_F(Handover, GivesTasksWithTheirDescriptorsAndThenTheEnd) {
    const Pipe pipe = make_pipe();
    EXPECT_FALSE(ours->next());
    say(42);
    EXPECT_FALSE(ours->next());
    pass(pipe.read_end.get());
    auto message = ours->next();
    ASSERT_TRUE(message && std::holds_alternative<LazyHandover::Task>(*message));
    EXPECT_EQ(std::get<LazyHandover::Task>(*message).pid, 42);
    EXPECT_TRUE(is_same_file(std::get<LazyHandover::Task>(*message).fault.get(), pipe.read_end.get()));
    say(0x52535446);
    message = ours->next();
    EXPECT_TRUE(message && std::holds_alternative<LazyHandover::TreeGoesOn>(*message));
    hang_up();
    message = ours->next();
    EXPECT_TRUE(message && std::holds_alternative<LazyHandover::Closed>(*message));
}

TEST_F(Handover, PassesOverZombies) {
    say(-7);
    say(0x52535446);
    const auto message = ours->next();
    EXPECT_TRUE(message && std::holds_alternative<LazyHandover::TreeGoesOn>(*message));
}

TEST_F(Handover, RefusesATaskWithoutADescriptor) {
    say(42);
    EXPECT_EQ(::send(criu_.get(), "x", 1, 0), 1);
    EXPECT_THROW(static_cast<void>(ours->next()), Error);
}

TEST_F(Handover, GivesWhatWasSaidBeforeItWasShut) {
    const Pipe pipe = make_pipe();
    say(42);
    pass(pipe.read_end.get());
    ours->shut();
    const std::int32_t finished = 0x52535446;
    EXPECT_EQ(::send(criu_.get(), &finished, sizeof finished, MSG_NOSIGNAL), -1);
    auto message = ours->next();
    EXPECT_TRUE(message && std::holds_alternative<LazyHandover::Task>(*message));
    message = ours->next();
    EXPECT_TRUE(message && std::holds_alternative<LazyHandover::Closed>(*message));
}

TEST_F(Handover, SeesThatCriuHasGone) {
    hang_up();
    const auto message = ours->next();
    EXPECT_TRUE(message && std::holds_alternative<LazyHandover::Closed>(*message));
}

} // namespace
} // namespace cedana::criu
