// SPDX-License-Identifier: Apache-2.0
// Names of a tree that somebody else has by now: a restore, its rehearsal and verify say which and who, and take none
// of them away.
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"

#include <csignal>
#include <filesystem>

#include <spdlog/fmt/fmt.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class TakenName : public System {
  protected:
    // Listens at a port, at a path and at an abstract name, and holds a lock on a file.
    [[nodiscard]] std::vector<std::string> server() const {
        require_program("/usr/bin/python3", "python3");
        return {"/usr/bin/python3", "-c",
                "import socket, fcntl, os, time\n"
                "t = socket.socket(); t.bind(('127.0.0.1', 0)); t.listen(4)\n"
                "u = socket.socket(socket.AF_UNIX); u.bind('" +
                    socket() +
                    "'); u.listen(4)\n"
                    "f = open('" +
                    lock() +
                    "', 'r'); fcntl.flock(f, fcntl.LOCK_EX)\n"
                    "open('" +
                    log().string() +
                    "', 'w').write('%d\\n' % t.getsockname()[1])\n"
                    "while True: time.sleep(0.01)\n"};
    }
    [[nodiscard]] std::string socket() const { return scratch("a.sock").string(); }
    [[nodiscard]] std::string lock() const { return scratch("lock").string(); }
    [[nodiscard]] fs::path log() const { return scratch("log"); }
    void SetUp() override {
        System::SetUp();
        open_file(lock(), O_WRONLY | O_CREAT, 0600).reset();
    }
    // All three ways say the same, and nothing runs afterwards.
    void expect_refused(const fs::path& zip, const std::string& what) const {
        const std::string who = fmt::format("process {} (", ::getpid());
        for (const std::vector<std::string>& command : {std::vector<std::string>{"client", "restore", zip.string()},
                                                        {"client", "restore", zip.string(), "--dry-run"},
                                                        {"client", "verify", zip.string()}}) {
            const CedanaRun run = run_cedana(command, options);
            EXPECT_NE(run.exit_code, 0) << command.back();
            EXPECT_TRUE(holds(run.out + run.err, what)) << command.back();
            EXPECT_TRUE(holds(run.out + run.err, who)) << command.back();
        }
    }
    [[nodiscard]] static sockaddr_un address_of(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        return address;
    }
    [[nodiscard]] static UniqueFd listen_at(const std::string& path) {
        const sockaddr_un address = address_of(path);
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(fd.get(), 4), 0);
        return fd;
    }
    [[nodiscard]] static bool answers(const std::string& path, const UniqueFd& server) {
        const sockaddr_un address = address_of(path);
        const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            return false;
        return static_cast<bool>(UniqueFd(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)));
    }
};

TEST_F(TakenName, OfAPortIsToldWithItsHolder) {
    Target target(server());
    const std::string port = wait_for_lines(log(), 1).front();
    const fs::path zip = dump_and_stop(target);
    const UniqueFd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    ASSERT_EQ(::bind(other.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    ASSERT_EQ(::listen(other.get(), 1), 0);
    expect_refused(zip, "TCP port " + port);
}

// Where the program set no SO_REUSEADDR the kernel keeps the port for a minute.
TEST_F(TakenName, OfAPortIsFreeOnceAServerWithAClientWasKilled) {
    require_program("/usr/bin/python3", "python3");
    Target target({"/usr/bin/python3", "-c",
                   "import socket, sys, time\n"
                   "t = socket.socket(); t.bind(('127.0.0.1', 0)); t.listen(4)\n"
                   "open(sys.argv[1], 'w').write('%d\\n' % t.getsockname()[1])\n"
                   "a, _ = t.accept(); a.send(b'a')\n"
                   "while True: time.sleep(0.01)\n",
                   log().string()});
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(wait_for_lines(log(), 1).front())));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    char byte = 0;
    ASSERT_EQ(::read(client.get(), &byte, 1), 1);
    const CedanaRun dumped = dump(target.pid(), {"--leave-running"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    const std::string zip(trim(dumped.out));
    target.end();
    ASSERT_EQ(::read(client.get(), &byte, 1), 0);
    client.reset();
    const CedanaRun verified = run_cedana({"client", "verify", zip}, options);
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
    restore_as(target.pid(), zip);
    const UniqueFd next(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(next.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
}

TEST_F(TakenName, OfAUnixSocketStaysWithTheServerThatHasItNow) {
    Target target(server());
    wait_for_lines(log(), 1);
    const fs::path zip = dump_and_stop(target);
    fs::remove(socket());
    const UniqueFd other = listen_at(socket());
    expect_refused(zip, socket());
    EXPECT_TRUE(answers(socket(), other));
}

TEST_F(TakenName, OfALockIsToldInPlaceOfWaitingForIt) {
    Target target(server());
    wait_for_lines(log(), 1);
    const fs::path zip = dump_and_stop(target);
    const UniqueFd other = open_file(lock(), O_RDONLY);
    ASSERT_EQ(::flock(other.get(), LOCK_SH), 0);
    expect_refused(zip, lock());
}

TEST_F(TakenName, IsNotTakenFromTheOriginalByACopyBesideIt) {
    Target target(server());
    wait_for_lines(log(), 1);
    const CedanaRun dumped = dump(target.pid(), {"--leave-running"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    struct ::stat before {};
    ASSERT_EQ(::stat(socket().c_str(), &before), 0);
    const CedanaRun run = run_cedana({"client", "restore", std::string(trim(dumped.out)), "--new-pidns"}, options);
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_TRUE(holds(run.err, target.pid_text()));
    struct ::stat after {};
    ASSERT_EQ(::stat(socket().c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
}

TEST_F(TakenName, OfTheServerThatAConnectionCameByStaysItsOwn) {
    // It has both ends of the connection, and the server is a process outside.
    Target target({"/usr/bin/python3", "-c",
                   "import socket, os, time\n"
                   "l = socket.socket(socket.AF_UNIX); l.bind('" +
                       socket() +
                       "'); l.listen(4)\n"
                       "c = socket.socket(socket.AF_UNIX); c.connect('" +
                       socket() +
                       "'); a, _ = l.accept()\n"
                       "if os.fork() == 0:\n"
                       "    os.setsid()\n"
                       "    if os.fork() == 0:\n"
                       "        c.close(); a.close(); open('" +
                       log().string() +
                       "', 'w').write('%d\\n' % os.getpid()); time.sleep(600)\n"
                       "    os._exit(0)\n"
                       "os.wait(); l.close()\n"
                       "open('" +
                       scratch("ready").string() +
                       "', 'w').close()\n"
                       "while True: time.sleep(0.01)\n"});
    const Orphan server(std::stoi(wait_for_lines(log(), 1).front()));
    wait_for_file(scratch("ready"));
    struct ::stat before {};
    ASSERT_EQ(::stat(socket().c_str(), &before), 0);
    const CedanaRun dumped = dump(target.pid(), {"--stop"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    target.wait_end();
    restore_as(target.pid(), std::string(trim(dumped.out)));
    struct ::stat after {};
    ASSERT_EQ(::stat(socket().c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
}

TEST_F(TakenName, OfAUnixSocketIsThereAgainAfterARestoreThatFails) {
    Target target(server());
    wait_for_lines(log(), 1);
    const fs::path zip = dump_and_stop(target);
    struct ::stat before {};
    ASSERT_EQ(::stat(socket().c_str(), &before), 0);
    // When all of the tree is there.
    write_script(scratch("failing"), "#!/bin/sh\n[ \"$CRTOOLS_SCRIPT_ACTION\" != post-restore ]\n");
    const CedanaRun run = run_cedana(
        {"client", "restore", zip.string(), "--criu-arg=--action-script=" + scratch("failing").string()}, options);
    ASSERT_EQ(run.exit_code, 7) << run.err;
    struct ::stat after {};
    ASSERT_EQ(::stat(socket().c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
    restore_as(target.pid(), zip);
    for (const auto& entry : fs::directory_iterator(folder()))
        EXPECT_FALSE(entry.path().filename().string().starts_with(".cedana-kept")) << entry.path();
}

} // namespace
} // namespace cedana::testing
