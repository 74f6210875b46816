// SPDX-License-Identifier: Apache-2.0
// Names that this process has itself, which is as good as any other.
#include "cedana/base/files.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/host/taken_names.hpp"
#include "cedana/process/inet_sockets.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/assertions.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using testing::holds;

std::string own_pid() { return fmt::format("process {} (", ::getpid()); }

// What one look said, in a line.
std::string said(const std::vector<Error>& errors) {
    std::string text;
    for (const Error& error : errors)
        text += error.message() + " | " + error.hint() + "\n";
    return text;
}

struct BoundPort {
    UniqueFd fd;
    std::uint16_t port = 0;
};

BoundPort bound_port(int type, in_addr_t address = htonl(INADDR_LOOPBACK)) {
    BoundPort bound{.fd = UniqueFd(::socket(AF_INET, type | SOCK_CLOEXEC, 0))};
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = address;
    EXPECT_EQ(::bind(bound.fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    socklen_t size = sizeof name;
    EXPECT_EQ(::getsockname(bound.fd.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
    bound.port = ntohs(name.sin_port);
    return bound;
}

criu::DumpedInet inet(int type, std::uint16_t port, in_addr_t address = htonl(INADDR_LOOPBACK)) {
    return {.family = AF_INET,
            .type = type,
            .protocol = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP,
            .state = type == SOCK_STREAM ? criu::k_state_listening : criu::k_state_closed,
            .local = {.address = {address}, .port = port}};
}

std::string look_at(const criu::DumpedInet& socket, const std::set<pid_t>& leaving = {}) {
    return said(taken_ports(Procfs(), {.inet = {socket}}, leaving));
}

TEST(TakenPorts, NameThePortAndWhoListensThere) {
    const BoundPort other = bound_port(SOCK_STREAM);
    ASSERT_EQ(::listen(other.fd.get(), 1), 0);
    const std::string text = look_at(inet(SOCK_STREAM, other.port, htonl(INADDR_ANY)));
    EXPECT_TRUE(holds(text, fmt::format("TCP port {} (0.0.0.0:{}) is taken by {}", other.port, other.port, own_pid())));
    EXPECT_TRUE(holds(text, fmt::format("pid {}", ::getpid())));
}

// /proc/net/tcp has none of them.
TEST(TakenPorts, NameWhoIsBoundThereAndDoesNotListen) {
    const BoundPort other = bound_port(SOCK_STREAM);
    EXPECT_TRUE(holds(look_at(inet(SOCK_STREAM, other.port, htonl(INADDR_ANY))),
                      fmt::format("TCP port {} (0.0.0.0:{}) is taken by {}", other.port, other.port, own_pid())));
    EXPECT_EQ(look_at(inet(SOCK_STREAM, other.port), {::getpid()}), "");
    const BoundPort elsewhere = bound_port(SOCK_STREAM, ::inet_addr("127.0.0.2"));
    EXPECT_EQ(look_at(inet(SOCK_STREAM, elsewhere.port)), "");
}

TEST(TakenPorts, AreOfUdpToo) {
    const BoundPort other = bound_port(SOCK_DGRAM);
    EXPECT_TRUE(holds(look_at(inet(SOCK_DGRAM, other.port)), fmt::format("UDP port {}", other.port)));
    EXPECT_EQ(look_at(inet(SOCK_STREAM, other.port)), "");
}

TEST(TakenPorts, AreNotToldOfWhoMustEndAnyway) {
    const BoundPort other = bound_port(SOCK_STREAM);
    ASSERT_EQ(::listen(other.fd.get(), 1), 0);
    EXPECT_EQ(look_at(inet(SOCK_STREAM, other.port), {::getpid()}), "");
}

TEST(TakenPorts, AreNotThoseOfAnotherAddress) {
    const BoundPort other = bound_port(SOCK_STREAM);
    ASSERT_EQ(::listen(other.fd.get(), 1), 0);
    EXPECT_EQ(look_at(inet(SOCK_STREAM, other.port, ::inet_addr("127.0.0.2"))), "");
}

TEST(TakenPorts, AreNotThoseThatCriuCanShare) {
    const BoundPort other = bound_port(SOCK_STREAM);
    constexpr int k_on = 1;
    ASSERT_EQ(::setsockopt(other.fd.get(), SOL_SOCKET, SO_REUSEADDR, &k_on, sizeof k_on), 0);
    EXPECT_EQ(look_at(inet(SOCK_STREAM, other.port)), "");
}

// CRIU's own SO_REUSEADDR and SO_REUSEPORT would let both have it, which the program had not allowed.
TEST(TakenPorts, AreThoseThatOnlyCriuWouldShare) {
    constexpr int k_on = 1;
    for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
        const UniqueFd other(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::setsockopt(other.get(), SOL_SOCKET, SO_REUSEADDR, &k_on, sizeof k_on), 0);
        ASSERT_EQ(::setsockopt(other.get(), SOL_SOCKET, SO_REUSEPORT, &k_on, sizeof k_on), 0);
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_EQ(::bind(other.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
        if (type == SOCK_STREAM) {
            ASSERT_EQ(::listen(other.get(), 1), 0);
        }
        socklen_t size = sizeof name;
        ASSERT_EQ(::getsockname(other.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
        criu::DumpedInet socket = inet(type, ntohs(name.sin_port));
        EXPECT_TRUE(holds(look_at(socket), fmt::format("port {} ", ntohs(name.sin_port)) + "(127.0.0.1")) << type;
        EXPECT_EQ(look_at(socket, {::getpid()}), "") << type;
        socket.reuses_port = true;
        EXPECT_EQ(look_at(socket), "") << type;
    }
}

TEST(TakenPorts, AreNotAskedInANetworkOfTheTreesOwn) {
    const BoundPort other = bound_port(SOCK_STREAM);
    ASSERT_EQ(::listen(other.fd.get(), 1), 0);
    EXPECT_TRUE(taken_ports(Procfs(), {.own_network = true, .inet = {inet(SOCK_STREAM, other.port)}}, {}).empty());
}

// A port at which a server without SO_REUSEADDR was killed while a client was connected, as far as the kernel keeps it.
std::uint16_t port_with_an_ended_connection() {
    const BoundPort server = bound_port(SOCK_STREAM);
    EXPECT_EQ(::listen(server.fd.get(), 1), 0);
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(server.port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    UniqueFd accepted(::accept4(server.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(accepted);
    accepted.reset();
    char byte = 0;
    EXPECT_EQ(::read(client.get(), &byte, 1), 0);
    return server.port;
}

TEST(TakenPorts, AreNotThoseThatAnEndedConnectionKeepsForAMinute) {
    const criu::DumpedInet socket = inet(SOCK_STREAM, port_with_an_ended_connection());
    const auto ended = ended_connections(Procfs(), ::getpid());
    EXPECT_EQ(std::ranges::count_if(
                  ended, [&](const EndedConnection& one) { return one.ends.local_port == socket.local.port; }),
              1);
    EXPECT_EQ(look_at(socket), "");
    constexpr auto k_more_than_a_minute = std::chrono::seconds(65);
    free_ports(Procfs(), {.inet = {socket}}, k_more_than_a_minute, Interrupt::none());
    const UniqueFd again(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(socket.local.port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(again.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
}

TEST(TakenPorts, OfOthersKeepTheirEndedConnections) {
    const std::uint16_t port = port_with_an_ended_connection();
    free_ports(Procfs(), {.inet = {inet(SOCK_STREAM, port, ::inet_addr("127.0.0.2"))}}, {}, Interrupt::none());
    const auto ended = ended_connections(Procfs(), ::getpid());
    EXPECT_EQ(std::ranges::count_if(ended, [&](const EndedConnection& one) { return one.ends.local_port == port; }), 1);
}

TEST(TakenPorts, TellAddressesThatThisHostLacks) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const auto errors = taken_ports(Procfs(), {.inet = {inet(type, 39884, ::inet_addr("192.0.2.7"))}}, {});
        ASSERT_EQ(errors.size(), 1U);
        EXPECT_EQ(errors.front().fault(), Fault::environment);
        EXPECT_TRUE(holds(errors.front().message(), "192.0.2.7:39884"));
    }
}

TEST(TakenPorts, TellConnectionsThatAreThereAlready) {
    const BoundPort server = bound_port(SOCK_STREAM);
    ASSERT_EQ(::listen(server.fd.get(), 1), 0);
    const BoundPort client = bound_port(SOCK_STREAM);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(server.port);
    ASSERT_EQ(::connect(client.fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    criu::DumpedInet connection = inet(SOCK_STREAM, client.port);
    connection.state = criu::k_state_established;
    connection.remote = {.address = {htonl(INADDR_LOOPBACK)}, .port = server.port};
    EXPECT_TRUE(holds(look_at(connection), "is there already: " + own_pid()));
    connection.remote.port = 1;
    EXPECT_EQ(look_at(connection), "");
}

class TakenSockets : public test::InTempFolder {
  protected:
    static UniqueFd bound(const std::string& name, int type = SOCK_STREAM) {
        UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        name.copy(address.sun_path, sizeof address.sun_path - 1);
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
        return fd;
    }
    static std::string look_at(const criu::DumpedUnix& socket) {
        return said(taken_sockets(Procfs(), {.unix_ones = {socket}}, {}));
    }
    [[nodiscard]] criu::DumpedUnix dumped() const {
        return {.type = SOCK_STREAM, .state = criu::k_state_listening, .name = path("a.sock").string()};
    }
};

TEST_F(TakenSockets, NameThePathAndWhoHasIt) {
    const UniqueFd other = bound(path("a.sock").string(), SOCK_DGRAM);
    EXPECT_TRUE(holds(look_at(dumped()), "a.sock of a unix socket is taken by " + own_pid()));
}

TEST_F(TakenSockets, AreFreeOnceNobodyIsBoundToThem) {
    bound(path("a.sock").string()).reset();
    EXPECT_EQ(look_at(dumped()), "");
    fs::remove(path("a.sock"));
    EXPECT_EQ(look_at(dumped()), "");
}

TEST_F(TakenSockets, AreNotThoseOfTheServerThatAConnectionCameBy) {
    const UniqueFd other = bound(path("a.sock").string());
    criu::DumpedUnix accepted = dumped();
    accepted.state = criu::k_state_established;
    EXPECT_EQ(look_at(accepted), "");
}

TEST_F(TakenSockets, TellFoldersThatAreGoneAndFilesInTheWay) {
    write("a.sock", "a file");
    EXPECT_TRUE(holds(look_at(dumped()), "no socket has its name"));
    criu::DumpedUnix relative{
        .type = SOCK_DGRAM, .state = criu::k_state_closed, .name = "b.sock", .folder = path("gone").string()};
    EXPECT_TRUE(holds(look_at(relative), "gone: the folder is missing"));
    relative.is_deleted = true;
    EXPECT_EQ(look_at(relative), "");
}

TEST_F(TakenSockets, TellTheUnitThatHadTheirFolderForItself) {
    const criu::DumpedUnix socket{
        .type = SOCK_DGRAM, .state = criu::k_state_closed, .name = path("gone/b.sock").string() + '\0'};
    const std::string text = said(taken_sockets(
        Procfs(), {.unit = "a.service", .folders_of_unit = {path("gone").string()}, .unix_ones = {socket}}, {}));
    EXPECT_TRUE(holds(text, "a.service had for itself"));
    EXPECT_TRUE(holds(text, "cedana unit a.service"));
}

TEST_F(TakenSockets, AreAbstractNamesOfTheSameType) {
    const std::string name = std::string(1, '\0') + fmt::format("cedana-taken-{}", ::getpid());
    const UniqueFd other = bound(name, SOCK_DGRAM);
    EXPECT_TRUE(holds(look_at({.type = SOCK_DGRAM, .state = criu::k_state_closed, .name = name}),
                      "@" + name.substr(1) + " of a unix socket is taken by " + own_pid()));
    EXPECT_EQ(look_at({.type = SOCK_STREAM, .state = criu::k_state_listening, .name = name}), "");
}

TEST(TakenTerminals, NameWhoHasTheMaster) {
    int number = -1;
    const UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master);
    ASSERT_EQ(::ioctl(master.get(), TIOCGPTN, &number), 0);
    const std::vector<unsigned> terminals = {static_cast<unsigned>(number)};
    const std::string text = said(taken_terminals(Procfs(), {}, terminals, {}));
    EXPECT_TRUE(holds(text, fmt::format("/dev/pts/{} that it had is taken by process ", number)));
    EXPECT_EQ(said(taken_terminals(Procfs(), {.own_mounts = true}, terminals, {})), "");
    EXPECT_EQ(said(taken_terminals(Procfs(), {}, {4000000}, {})), "");
}

// A process with a devpts of its own, as a container has it, and there the terminal of this number.
class OtherDevpts {
  public:
    OtherDevpts(int number, const char* ptmx) {
        Pipe ready = make_pipe();
        pid_ = ::fork();
        if (pid_ == 0)
            ::_exit(hold(number, ptmx, ready.write_end.get()));
        char one = 0;
        ready.write_end.reset();
        has_it_ = ::read(ready.read_end.get(), &one, 1) == 1;
    }
    OtherDevpts(const OtherDevpts&) = delete;
    OtherDevpts& operator=(const OtherDevpts&) = delete;
    ~OtherDevpts() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] bool has_it() const noexcept { return has_it_; }

  private:
    static int hold(int number, const char* ptmx, int ready) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666") != 0)
            return 1;
        for (int opened = -1; opened != number;) {
            const int master = ::open(ptmx, O_RDWR | O_NOCTTY);
            if (master < 0 || ::ioctl(master, TIOCGPTN, &opened) != 0 || opened > number)
                return 1;
        }
        if (::write(ready, "r", 1) != 1)
            return 1;
        for (;;)
            ::pause();
    }

    pid_t pid_ = 0;
    bool has_it_ = false;
};

TEST(TakenTerminals, AreNotThoseOfAnotherDevpts) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root, for a devpts of its own";
    int number = -1;
    const UniqueFd master(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master);
    ASSERT_EQ(::ioctl(master.get(), TIOCGPTN, &number), 0);
    for (const char* ptmx : {"/dev/ptmx", "/dev/pts/ptmx"}) {
        const OtherDevpts other(number, ptmx);
        ASSERT_TRUE(other.has_it()) << ptmx;
        EXPECT_EQ(said(taken_terminals(Procfs(), {}, {static_cast<unsigned>(number)}, {::getpid()})), "") << ptmx;
    }
}

// The look passes over this process, so somebody else holds the lock.
class TakenLocks : public test::InTempFolder {
  protected:
    TakenLocks() : file(open_file(path("lock"), O_RDWR | O_CREAT, 0600)) {}
    ~TakenLocks() override { end_holder(); }

    void hold(const std::function<void(int fd)>& take, int flags = O_RDWR) {
        Pipe ready = make_pipe();
        holder = ::fork();
        if (holder == 0) {
            file.reset();
            const UniqueFd own = open_file(path("lock"), flags);
            take(own.get());
            static_cast<void>(::write(ready.write_end.get(), "r", 1));
            for (;;)
                ::pause();
        }
        char one = 0;
        ready.write_end.reset();
        ASSERT_EQ(::read(ready.read_end.get(), &one, 1), 1);
    }
    void end_holder() {
        if (holder > 0) {
            ::kill(holder, SIGKILL);
            ::waitpid(holder, nullptr, 0);
        }
        holder = 0;
    }
    [[nodiscard]] std::string look_at(criu::DumpedLock lock) const {
        return said(taken_locks(Procfs(), {.locks = {{.path = path("lock").string(), .lock = lock}}}, {}));
    }
    [[nodiscard]] std::string holder_text() const { return fmt::format("process {} (", holder); }

    UniqueFd file;
    pid_t holder = 0;
};

TEST_F(TakenLocks, OfFlockNameTheirHolder) {
    hold([](int fd) { ::flock(fd, LOCK_SH); });
    EXPECT_TRUE(holds(look_at({.kind = criu::LockKind::flock, .is_exclusive = true}), holder_text()));
    EXPECT_EQ(look_at({.kind = criu::LockKind::flock, .is_exclusive = false}), "");
    EXPECT_EQ(look_at({.kind = criu::LockKind::posix, .is_exclusive = true}), "");
}

TEST_F(TakenLocks, OfFcntlConflictWhereTheyOverlap) {
    for (const int command : {F_SETLK, F_OFD_SETLK}) {
        hold([command](int fd) {
            struct ::flock range {};
            range.l_type = F_WRLCK;
            range.l_whence = SEEK_SET;
            range.l_start = 10;
            range.l_len = 5;
            ::fcntl(fd, command, &range);
        });
        EXPECT_TRUE(holds(look_at({.kind = criu::LockKind::posix, .start = 14, .length = 1}), holder_text()));
        EXPECT_TRUE(holds(look_at({.kind = criu::LockKind::ofd, .start = 0, .length = 0}), holder_text()));
        EXPECT_EQ(look_at({.kind = criu::LockKind::posix, .is_exclusive = true, .start = 15, .length = 0}), "");
        EXPECT_EQ(look_at({.kind = criu::LockKind::flock, .is_exclusive = true}), "");
        end_holder();
    }
}

TEST_F(TakenLocks, AreLeasesOnAFileThatSomebodyHasOpen) {
    file.reset();
    hold([](int) {}, O_RDONLY);
    EXPECT_TRUE(holds(look_at({.kind = criu::LockKind::lease, .is_exclusive = true}), "has the file open"));
    EXPECT_EQ(look_at({.kind = criu::LockKind::lease, .is_exclusive = false}), "");
}

TEST_F(TakenLocks, AreNoneOnceTheHolderHasEnded) {
    hold([](int fd) { ::flock(fd, LOCK_EX); });
    end_holder();
    EXPECT_EQ(look_at({.kind = criu::LockKind::flock, .is_exclusive = true}), "");
}

} // namespace
} // namespace cedana
