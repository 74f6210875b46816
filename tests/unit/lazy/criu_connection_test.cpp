// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/lazy/criu_connection.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

class ConnectionOfCriu : public ::cedana::test::InTempFolder {
  protected:
    [[nodiscard]] bool connect() {
        criu = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
        return ::connect(criu.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    void hand_over(std::int32_t pid) const {
        const Pipe pipe = make_pipe();
        EXPECT_EQ(::send(criu.get(), &pid, sizeof pid, 0), 4);
        EXPECT_EQ(send_with_fd(criu.get(), std::string_view("\0", 1), pipe.read_end.get()), 1);
    }
    [[nodiscard]] std::vector<pid_t> take_unread() {
        std::vector<pid_t> pids;
        for (const LazyHandover::Task& task : connection.take_unread())
            pids.push_back(task.pid);
        return pids;
    }

    std::filesystem::path socket = path(k_lazy_socket);
    CriuConnection connection{listen_unix(socket)};
    UniqueFd criu;
};

TEST_F(ConnectionOfCriu, IsPassedOnToTheServer) {
    const UniqueFd server = connection.make_server_end();
    ASSERT_TRUE(connect());
    connection.pass_on();
    EXPECT_EQ(connection.listener(), -1);
    hand_over(42);
    LazyHandover at_server = LazyHandover::receive_passed(server.get());
    const auto message = at_server.next();
    ASSERT_TRUE(message && std::holds_alternative<LazyHandover::Task>(*message));
    EXPECT_EQ(std::get<LazyHandover::Task>(*message).pid, 42);
}

TEST_F(ConnectionOfCriu, OfNobodyIsFoundOutByTheServer) {
    const UniqueFd server = connection.make_server_end();
    connection.refuse();
    EXPECT_FALSE(connect());
    connection.pass_on();
    EXPECT_THROW(static_cast<void>(LazyHandover::receive_passed(server.get())), Error);
}

TEST_F(ConnectionOfCriu, GivesWhatTheServerHasNotRead) {
    const UniqueFd server = connection.make_server_end();
    ASSERT_TRUE(connect());
    connection.pass_on();
    LazyHandover at_server = LazyHandover::receive_passed(server.get());
    hand_over(42);
    hand_over(43);
    static_cast<void>(at_server.next());
    EXPECT_EQ(take_unread(), (std::vector<pid_t>{43}));
}

TEST_F(ConnectionOfCriu, GivesWhatWasSaidBeforeItWasPassedOn) {
    ASSERT_TRUE(connect());
    hand_over(42);
    EXPECT_EQ(take_unread(), (std::vector<pid_t>{42}));
}

TEST_F(ConnectionOfCriu, GivesNothingOnceItIsClosed) {
    const UniqueFd server = connection.make_server_end();
    ASSERT_TRUE(connect());
    connection.pass_on();
    hand_over(42);
    connection.close();
    EXPECT_TRUE(take_unread().empty());
}

} // namespace
} // namespace cedana::criu
