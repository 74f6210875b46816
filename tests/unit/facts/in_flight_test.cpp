// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/facts/in_flight.hpp"

#include <filesystem>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
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

// The sending end of a pair that stays.
int new_pair(int type) {
    auto [sender, receiver] = make_socket_pair(type);
    keep(receiver.release());
    return sender.release();
}

// Sends what it makes and has it open no more.
void send(int sender, int fd) {
    must(fd >= 0 && send_with_fd(sender, "x", fd) == 1);
    ::close(fd);
}

int connected() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    must(::bind(listener, name, size) == 0 && ::listen(listener, 1) == 0 && ::getsockname(listener, name, &size) == 0);
    const int client = keep(::socket(AF_INET, SOCK_STREAM, 0));
    must(::connect(client, name, size) == 0);
    const int server = ::accept(listener, nullptr, nullptr);
    ::close(listener);
    return server;
}

InFlight in_flight_of_child(const std::function<void()>& set_up, Messages messages = Messages::all) {
    const Forked child(set_up);
    const Look look(Procfs(), child.pid());
    return find_in_flight(look.holdings, messages);
}

struct Kind {
    const char* text;
    std::function<int()> make;
};

TEST(InFlight, AreRefusedIfCriuFinishesThemOnceTheyAreClosed) {
    for (const auto& [text, make] :
         {Kind{"a timerfd", [] { return ::timerfd_create(CLOCK_MONOTONIC, 0); }},
          Kind{"an inotify instance", [] { return ::inotify_init(); }}, Kind{"a TCP connection", connected}}) {
        for (const Messages messages : {Messages::first, Messages::all}) {
            const InFlight found = in_flight_of_child([&make = make] { send(new_pair(SOCK_DGRAM), make()); }, messages);
            ASSERT_EQ(found.refusals.size(), 1U) << text;
            EXPECT_TRUE(holds(found.refusals[0].sentence, text)) << found.refusals[0].sentence;
            EXPECT_TRUE(holds(found.refusals[0].sentence, "has not received")) << found.refusals[0].sentence;
        }
    }
}

TEST(InFlight, AreFoundBehindOthers) {
    for (const int type : {SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET}) {
        const InFlight found = in_flight_of_child([type] {
            const int sender = new_pair(type);
            must(::send(sender, "bytes", 5, 0) == 5);
            send(sender, ::eventfd(0, 0));
            send(sender, ::inotify_init());
        });
        EXPECT_EQ(found.refusals.size(), 1U) << type;
    }
}

TEST(InFlight, AreNotRefusedIfSomebodyHasThemOpen) {
    const InFlight found = in_flight_of_child([] {
        const int timer = keep(::timerfd_create(CLOCK_MONOTONIC, 0));
        send(new_pair(SOCK_DGRAM), ::dup(timer));
    });
    EXPECT_TRUE(found.refusals.empty()) << found.refusals[0].sentence;
}

TEST(InFlight, AreNotRefusedIfTheyComeBack) {
    const InFlight found = in_flight_of_child([] {
        const int sender = new_pair(SOCK_DGRAM);
        send(sender, ::eventfd(0, 0));
        send(sender, ::socket(AF_INET, SOCK_STREAM, 0));
        send(sender, ::socket(AF_INET, SOCK_DGRAM, 0));
    });
    EXPECT_TRUE(found.refusals.empty()) << found.refusals[0].sentence;
    EXPECT_TRUE(found.losses.empty());
}

TEST(InFlight, LoseTheirLock) {
    const InFlight found = in_flight_of_child([] {
        const int file = ::open("/tmp", O_TMPFILE | O_RDWR, 0600);
        must(::flock(file, LOCK_EX) == 0);
        send(new_pair(SOCK_DGRAM), file);
    });
    ASSERT_EQ(found.losses.size(), 1U);
    EXPECT_TRUE(holds(found.losses[0], "the lock on ")) << found.losses[0];
}

TEST(InFlight, MayBeFilesThatAreWritten) {
    const TempDir folder(std::filesystem::temp_directory_path(), "cedana-test");
    const std::string path = std::filesystem::canonical(folder.path()) / "file";
    const auto sent = [&](int flags, const std::function<void()>& then) {
        return in_flight_of_child([&] {
            send(new_pair(SOCK_DGRAM), ::open(path.c_str(), flags | O_CREAT, 0600));
            then();
        });
    };
    const InFlight written = sent(O_RDWR, [] {});
    ASSERT_EQ(written.written.files.size(), 1U);
    EXPECT_EQ(written.written.files[0].path, path);
    EXPECT_TRUE(sent(O_RDONLY, [] {}).written.files.empty());
    const InFlight renamed = sent(
        O_RDONLY, [&] { must(::link(path.c_str(), (path + "-other").c_str()) == 0 && ::unlink(path.c_str()) == 0); });
    ASSERT_EQ(renamed.renamed.size(), 1U);
    EXPECT_EQ(renamed.renamed[0].path, path);
    EXPECT_TRUE(renamed.written.files.empty());
}

TEST(InFlight, AreReceivedAfterwardsAsIfNobodyHadLooked) {
    auto [sender, receiver] = make_socket_pair(SOCK_STREAM);
    must(::send(sender.get(), "ab", 2, 0) == 2 && send_with_fd(sender.get(), "c", sender.get()) == 1);
    // As a child has it open.
    const Forked child;
    const Look look(Procfs(), child.pid());
    static_cast<void>(find_in_flight(look.holdings, Messages::all));
    int offset = 0;
    socklen_t size = sizeof offset;
    ASSERT_EQ(::getsockopt(receiver.get(), SOL_SOCKET, SO_PEEK_OFF, &offset, &size), 0);
    EXPECT_EQ(offset, -1);
    char bytes[2];
    EXPECT_EQ(::recv(receiver.get(), bytes, sizeof bytes, 0), 2);
    EXPECT_EQ(bytes[0], 'a');
}

TEST(InFlight, LeaveTheOffsetOfAProgramThatPeeks) {
    auto [sender, receiver] = make_socket_pair(SOCK_STREAM);
    int offset = 0;
    socklen_t size = sizeof offset;
    must(::setsockopt(receiver.get(), SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset) == 0 &&
         send_with_fd(sender.get(), "ab", sender.get()) == 2);
    const Forked child;
    const Look look(Procfs(), child.pid());
    static_cast<void>(find_in_flight(look.holdings, Messages::first));
    ASSERT_EQ(::getsockopt(receiver.get(), SOL_SOCKET, SO_PEEK_OFF, &offset, &size), 0);
    EXPECT_EQ(offset, 0);
}

} // namespace
} // namespace cedana
