// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/facts/facts.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pty.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using testing::FakeProc;
using testing::Forked;
using testing::keep;

TreeFacts facts_of(const Procfs& procfs, pid_t pid) {
    const testing::Look look(procfs, pid);
    return read_facts(procfs, look.tree, look.holdings, ::getpid());
}

// A child in a session of its own, whose open files are those of `set_up` alone.
class Facts : public ::testing::Test {
  protected:
    // What the test runner leaves open would be inherited.
    static void SetUpTestSuite() { ::close_range(3, ~0U, 0); }

    const TreeFacts& read(const std::function<void()>& set_up) {
        child_ = std::make_unique<Forked>([&] {
            ::setsid();
            const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
            for (const int fd : {0, 1, 2})
                ::dup2(null, fd);
            set_up();
        });
        return facts_ = facts_of(Procfs(), child_->pid());
    }
    pid_t pid() const { return child_->pid(); }

    TempDir folder = TempDir(fs::temp_directory_path(), "facts-test");
    fs::path file = folder.path() / "file";

  private:
    std::unique_ptr<Forked> child_;
    TreeFacts facts_;
};

TEST_F(Facts, OfAPlainDaemonAskForNothing) {
    const TreeFacts& facts = read([] {});
    EXPECT_FALSE(facts.shell_job);
    EXPECT_FALSE(facts.tcp_established);
    EXPECT_EQ(facts.external_unix_sockets, Answer::no);
    EXPECT_FALSE(facts.file_locks);
    EXPECT_TRUE(facts.renamed_files.empty());
    EXPECT_EQ(facts.ghost_bytes, 0U);
    EXPECT_TRUE(facts.gpu_devices.empty());
    EXPECT_TRUE(facts.refusals.empty());
}

TEST_F(Facts, SeeASessionOfSomebodyElse) {
    const Forked child;
    EXPECT_TRUE(facts_of(Procfs(), child.pid()).shell_job);
}

TEST_F(Facts, SeeATerminalWhoseOtherSideIsOutside) {
    int master = -1;
    int terminal = -1;
    ASSERT_EQ(::openpty(&master, &terminal, nullptr, nullptr, nullptr), 0);
    const UniqueFd ours(master);
    const TreeFacts& facts = read([&] {
        ::close(master);
        ::dup2(terminal, 0);
        ::close(terminal);
    });
    ::close(terminal);
    EXPECT_TRUE(facts.shell_job);
    ASSERT_EQ(facts.external_terminals.size(), 1U);
    EXPECT_TRUE(facts.external_terminals[0].path.starts_with("/dev/pts/"));
    EXPECT_EQ(facts.external_terminals[0].descriptors, (std::vector<Descriptor>{{.pid = pid(), .fd = 0}}));
}

TEST_F(Facts, SeeAControllingTerminalWithoutADescriptor) {
    int master = -1;
    int terminal = -1;
    ASSERT_EQ(::openpty(&master, &terminal, nullptr, nullptr, nullptr), 0);
    const UniqueFd ours(master);
    const TreeFacts& facts = read([&] {
        ::ioctl(terminal, TIOCSCTTY, 0);
        ::close(master);
        ::close(terminal);
    });
    ::close(terminal);
    EXPECT_TRUE(facts.shell_job);
    ASSERT_EQ(facts.external_terminals.size(), 1U);
    EXPECT_TRUE(facts.external_terminals[0].path.starts_with("/dev/pts/"));
}

TEST_F(Facts, RefuseTwoTerminalsOfOthers) {
    std::array<UniqueFd, 2> masters;
    std::array<UniqueFd, 2> terminals;
    for (std::size_t i = 0; i < 2; ++i) {
        int master = -1;
        int terminal = -1;
        ASSERT_EQ(::openpty(&master, &terminal, nullptr, nullptr, nullptr), 0);
        masters[i] = UniqueFd(master);
        terminals[i] = UniqueFd(terminal);
    }
    const TreeFacts& facts = read([&] {
        for (const UniqueFd& master : masters)
            ::close(master.get());
    });
    EXPECT_EQ(facts.external_terminals.size(), 2U);
    ASSERT_EQ(facts.refusals.size(), 1U);
    EXPECT_NE(facts.refusals[0].sentence.find("use 2 terminals of others (/dev/pts/"), std::string::npos);
}

TEST_F(Facts, DoNotMindATerminalThatHasHungUp) {
    int master = -1;
    int terminal = -1;
    ASSERT_EQ(::openpty(&master, &terminal, nullptr, nullptr, nullptr), 0);
    ::close(master);
    const TreeFacts& facts = read([&] {
        ::dup2(terminal, 1);
        ::close(terminal);
    });
    ::close(terminal);
    EXPECT_FALSE(facts.shell_job);
    EXPECT_TRUE(facts.external_terminals.empty());
}

TEST_F(Facts, TakeATerminalInsideTheTreeForItsOwn) {
    const TreeFacts& facts = read([] {
        int master = -1;
        int terminal = -1;
        [[maybe_unused]] const int opened = ::openpty(&master, &terminal, nullptr, nullptr, nullptr);
    });
    EXPECT_FALSE(facts.shell_job);
    EXPECT_TRUE(facts.external_terminals.empty());
}

void listen_and_connect() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    testing::must(::bind(listener, generic, size) == 0);
    ::listen(listener, 1);
    ::getsockname(listener, generic, &size);
    testing::must(::connect(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), generic, size) == 0);
}

TEST_F(Facts, SeeATcpConnection) {
    const TreeFacts facts = read(listen_and_connect);
    EXPECT_TRUE(facts.tcp_established);
    ASSERT_FALSE(facts.tcp_connections.empty());
    EXPECT_EQ(facts.tcp_connections.front().local_address, "127.0.0.1");
}

TEST_F(Facts, DoNotAskThisHostForTheAddressesOfANetworkOfItsOwn) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root: to make a network namespace";
    const TreeFacts facts = read([] {
        ifreq loopback{};
        std::strcpy(loopback.ifr_name, "lo");
        loopback.ifr_flags = IFF_UP;
        if (::unshare(CLONE_NEWNET) != 0)
            return;
        const UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (::ioctl(any.get(), SIOCSIFFLAGS, &loopback) == 0)
            listen_and_connect();
    });
    EXPECT_TRUE(facts.tcp_established);
    EXPECT_TRUE(facts.tcp_connections.empty());
    // What is known to be TCP has no peer among unix sockets.
    EXPECT_EQ(facts.external_unix_sockets, Answer::no);
}

TEST_F(Facts, DoNotTakeAListenerForAConnection) {
    EXPECT_FALSE(read([] { ::listen(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 1); }).tcp_established);
}

// Both sides have closed, and the program has its sockets open still: the kernel lists them nowhere.
void close_both_sides() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::listen(listener, 1);
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    testing::must(::connect(client, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    const int server = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(listener);
    char byte = 0;
    for (const int end : {client, server})
        ::shutdown(end, SHUT_WR);
    // The end of each has arrived at the other.
    for (const int end : {client, server})
        static_cast<void>(::read(end, &byte, 1));
}

TEST_F(Facts, TakeAConnectionThatIsOverForOne) { EXPECT_TRUE(read(close_both_sides).tcp_established); }

TEST_F(Facts, TakeASocketThatWasNeverConnectedForNone) {
    EXPECT_FALSE(read([] { static_cast<void>(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }).tcp_established);
}

class UnixPair {
  public:
    explicit UnixPair(int type) {
        if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends_.data()) != 0)
            ends_ = {-1, -1};
    }
    UnixPair(const UnixPair&) = delete;
    UnixPair& operator=(const UnixPair&) = delete;
    ~UnixPair() {
        for (const int end : ends_)
            ::close(end);
    }
    int first() const { return ends_[0]; }

  private:
    std::array<int, 2> ends_{};
};

TEST_F(Facts, SeeADatagramPeerOutside) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t size = sizeof address.sun_family;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const UniqueFd peer(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // The kernel chooses a name.
    ASSERT_EQ(::bind(peer.get(), generic, size), 0);
    size = sizeof address;
    ASSERT_EQ(::getsockname(peer.get(), generic, &size), 0);
    const TreeFacts& facts = read([&] {
        ::close(peer.get());
        testing::must(::connect(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), generic, size) == 0);
    });
    EXPECT_EQ(facts.external_unix_sockets, Answer::yes);
    EXPECT_TRUE(facts.refusals.empty());
}

TEST_F(Facts, RefuseADatagramPeerOutsideThatHasNoName) {
    const UnixPair pair(SOCK_DGRAM);
    const TreeFacts& facts = read([&] { ::close(pair.first()); });
    ASSERT_EQ(facts.refusals.size(), 1U);
    EXPECT_NE(facts.refusals[0].sentence.find("a unix socket without a name"), std::string::npos);
    EXPECT_TRUE(facts.refusals[0].program_can_help);
}

TEST_F(Facts, RefuseAStreamPeerOutsideAndNameIt) {
    const UnixPair pair(SOCK_STREAM);
    const TreeFacts& facts = read([&] { ::close(pair.first()); });
    EXPECT_EQ(facts.external_unix_sockets, Answer::yes);
    ASSERT_EQ(facts.refusals.size(), 1U);
    EXPECT_EQ(facts.refusals[0].pid, pid());
    EXPECT_EQ(facts.refusals[0].fault, Fault::dump_failed);
    EXPECT_NE(facts.refusals[0].sentence.find(fmt::format("process {} (", ::getpid())), std::string::npos);
    EXPECT_FALSE(facts.refusals[0].hint.empty());
}

TEST_F(Facts, DoNotMindAPeerInside) {
    const TreeFacts& facts = read([] {
        const auto* pair = new UnixPair(SOCK_STREAM);
        static_cast<void>(pair);
    });
    EXPECT_EQ(facts.external_unix_sockets, Answer::no);
    EXPECT_TRUE(facts.refusals.empty());
}

TEST_F(Facts, SeeAnAdvisoryLock) {
    EXPECT_TRUE(
        read([&] { ::flock(keep(::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)), LOCK_EX); }).file_locks);
}

TEST_F(Facts, SeeALockOfAnOpenFileDescription) {
    const TreeFacts& facts = read([&] {
        struct ::flock range {};
        range.l_type = F_WRLCK;
        ::fcntl(keep(::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)), F_OFD_SETLK, &range);
    });
    EXPECT_TRUE(facts.file_locks);
}

void write_kibibytes(int fd, std::size_t count) {
    const std::string block(1024, 'x');
    for (std::size_t i = 0; i < count; ++i)
        write_all(fd, block, "test file");
}

TEST_F(Facts, MeasureAnOpenFileWithoutAName) {
    const TreeFacts& facts = read([&] {
        write_kibibytes(keep(::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)), 2048);
        ::unlink(file.c_str());
    });
    EXPECT_GE(facts.ghost_bytes, 2048U * 1024);
    ASSERT_EQ(facts.deleted_files.size(), 1U);
    EXPECT_EQ(facts.deleted_files[0].path, file.string());
    EXPECT_EQ(facts.deleted_files[0].size, 2048U * 1024);
    EXPECT_TRUE(facts.renamed_files.empty());
}

TEST_F(Facts, MeasureAMappedFileWithoutAName) {
    const TreeFacts& facts = read([&] {
        const int fd = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        write_kibibytes(fd, 64);
        testing::must(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
        ::close(fd);
        ::unlink(file.c_str());
    });
    EXPECT_GE(facts.ghost_bytes, 64U * 1024);
}

TEST_F(Facts, DoNotTakeSharedMemoryForAFileWithoutAName) {
    const TreeFacts& facts = read([] {
        testing::must(::mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1,
                             0) != MAP_FAILED);
        write_kibibytes(keep(::memfd_create("memory", MFD_CLOEXEC)), 64);
    });
    EXPECT_EQ(facts.ghost_bytes, 0U);
}

TEST_F(Facts, SeeAFileThatHasAnotherNameLeft) {
    const TreeFacts& facts = read([&] {
        keep(::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
        fs::create_hard_link(file, folder.path() / "other");
        ::unlink(file.c_str());
    });
    EXPECT_EQ(facts.renamed_files.size(), 1U);
    EXPECT_TRUE(facts.deleted_files.empty());
}

TEST_F(Facts, AreNotFooledByAFileThatIsCalledDeleted) {
    const TreeFacts& facts =
        read([&] { keep(::open((file.string() + " (deleted)").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)); });
    EXPECT_TRUE(facts.renamed_files.empty());
    EXPECT_TRUE(facts.deleted_files.empty());
}

std::vector<ExternalPipe> pipes_at(const TreeFacts& facts, int fd) {
    std::vector<ExternalPipe> found;
    std::copy_if(facts.external_pipes.begin(), facts.external_pipes.end(), std::back_inserter(found),
                 [&](const ExternalPipe& pipe) {
                     return std::any_of(pipe.descriptors.begin(), pipe.descriptors.end(),
                                        [&](const Descriptor& one) { return one.fd == fd; });
                 });
    return found;
}

TEST_F(Facts, SeeAPipeThatLeadsOutside) {
    Pipe pipe = make_pipe();
    struct ::stat info {};
    ASSERT_EQ(::fstat(pipe.write_end.get(), &info), 0);
    const TreeFacts& facts = read([&] {
        ::dup2(pipe.write_end.get(), 1);
        pipe.read_end.reset();
        pipe.write_end.reset();
    });
    const auto found = pipes_at(facts, 1);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].inode, info.st_ino);
    EXPECT_EQ(found[0].end, PipeEnd::write);
    EXPECT_EQ(found[0].descriptors, (std::vector<Descriptor>{{.pid = pid(), .fd = 1}}));
}

TEST_F(Facts, DoNotTakeAPipeForExternalWhoseOtherEndIsClosed) {
    const TreeFacts& facts = read([] {
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        ::dup2(ends[0], 0);
        ::close(ends[0]);
        ::close(ends[1]);
    });
    EXPECT_TRUE(pipes_at(facts, 0).empty());
}

// Sends a descriptor from one end of a new pair of sockets to the other, where nobody receives it, and closes it.
void put_in_flight(int fd) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    char byte = 'x';
    iovec data{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    ASSERT_EQ(::sendmsg(pair[0], &message, 0), 1);
    ::close(fd);
}

TEST_F(Facts, DoNotTakeAPipeForExternalWhoseOtherEndIsInFlight) {
    const TreeFacts& facts = read([] {
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        ::dup2(ends[1], 1);
        ::close(ends[1]);
        put_in_flight(ends[0]);
    });
    EXPECT_TRUE(pipes_at(facts, 1).empty());
}

TEST_F(Facts, SeeAPipeThatLeadsOutsideWhileAnotherEndIsInFlight) {
    Pipe pipe = make_pipe();
    const TreeFacts& facts = read([&] {
        ::dup2(pipe.write_end.get(), 1);
        pipe.read_end.reset();
        pipe.write_end.reset();
        put_in_flight(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    });
    EXPECT_EQ(pipes_at(facts, 1).size(), 1U);
}

TEST_F(Facts, DoNotRefuseAUnixPeerThatIsInFlight) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const TreeFacts& facts = read([type] {
            std::array<int, 2> pair{};
            ASSERT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair.data()), 0);
            put_in_flight(pair[1]);
        });
        EXPECT_EQ(facts.external_unix_sockets, Answer::no);
        EXPECT_TRUE(facts.refusals.empty());
    }
}

TEST_F(Facts, RefuseAStreamPeerOutsideWhileAnotherDescriptorIsInFlight) {
    const UnixPair pair(SOCK_STREAM);
    const TreeFacts& facts = read([&] {
        ::close(pair.first());
        put_in_flight(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    });
    EXPECT_EQ(facts.external_unix_sockets, Answer::yes);
    ASSERT_EQ(facts.refusals.size(), 1U);
    EXPECT_NE(facts.refusals[0].sentence.find(fmt::format("process {} (", ::getpid())), std::string::npos);
}

TEST_F(Facts, DoNotMindAPipeWithBothEndsInside) {
    const TreeFacts& facts = read([] {
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        ::dup2(ends[0], 0);
    });
    EXPECT_TRUE(pipes_at(facts, 0).empty());
}

TEST_F(Facts, RefuseATracedProcess) {
    const TreeFacts& facts = read([] { ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); });
    ASSERT_EQ(facts.refusals.size(), 1U);
    EXPECT_NE(facts.refusals[0].sentence.find("is traced by"), std::string::npos);
    EXPECT_NE(facts.refusals[0].hint.find(std::to_string(::getpid())), std::string::npos);
}

// A tree of one that only a fake /proc can show everywhere.
class FakeFacts : public ::testing::Test {
  protected:
    FakeFacts() { proc.add({.pid = ::getpid(), .comm = "cedana", .status = status("0", "0000000000000000")}); }

    static std::string status(const std::string& user, const std::string& capabilities) {
        return fmt::format("Uid:\t{0}\t{0}\t{0}\t{0}\nGid:\t{0}\t{0}\t{0}\t{0}\nCapEff:\t{1}\n", user, capabilities);
    }
    void add_child(const std::string& user) {
        proc.add({.pid = child.pid(), .comm = "postgres", .status = status(user, "0000000000000000")});
    }
    TreeFacts facts() const { return facts_of(proc.procfs(), child.pid()); }

    Forked child;
    FakeProc proc;
};

TEST_F(FakeFacts, RefuseIoUring) {
    add_child("0");
    proc.link(child.pid(), "fd/5", "anon_inode:[io_uring]");
    proc.write(child.pid(), "fdinfo/5", "flags:\t02000002\n");
    const TreeFacts read = facts();
    ASSERT_EQ(read.refusals.size(), 1U);
    EXPECT_EQ(read.refusals[0].sentence,
              fmt::format("process {} (postgres) has an io_uring instance open, which CRIU cannot dump", child.pid()));
    EXPECT_FALSE(read.refusals[0].hint.empty());
}

TEST_F(FakeFacts, NameGpuDevices) {
    add_child("0");
    proc.link(child.pid(), "fd/5", "/dev/nvidia0");
    proc.write(child.pid(), "fdinfo/5", "flags:\t02000002\n");
    proc.write(child.pid(), "maps", "400000-401000 rw-s 00000000 00:05 77   /dev/dri/renderD128\n");
    const TreeFacts read = facts();
    ASSERT_EQ(read.gpu_devices.size(), 2U);
    EXPECT_EQ(read.gpu_devices[0].path, "/dev/dri/renderD128");
    EXPECT_EQ(read.gpu_devices[1].path, "/dev/nvidia0");
}

TEST_F(FakeFacts, RefuseAnotherUsersProcessWithoutTheRightToItsLimits) {
    add_child("105");
    const TreeFacts read = facts();
    ASSERT_EQ(read.refusals.size(), 1U);
    EXPECT_EQ(read.refusals[0].fault, Fault::environment);
    EXPECT_NE(read.refusals[0].sentence.find("CAP_SYS_RESOURCE"), std::string::npos);
}

TEST_F(FakeFacts, NameTheGroupWhereItAloneIsAnother) {
    add_child("0");
    proc.write(child.pid(), "status", "Uid:\t0\t0\t0\t0\nGid:\t104\t104\t104\t104\n");
    const TreeFacts read = facts();
    ASSERT_EQ(read.refusals.size(), 1U);
    EXPECT_NE(read.refusals[0].sentence.find("runs as group 104, and without"), std::string::npos)
        << read.refusals[0].sentence;
}

TEST_F(FakeFacts, NameAllThreeUsersWhereTheyDiffer) {
    add_child("0");
    proc.write(child.pid(), "status", "Uid:\t0\t33\t34\t33\nGid:\t0\t0\t0\t0\n");
    const TreeFacts read = facts();
    ASSERT_EQ(read.refusals.size(), 1U);
    EXPECT_NE(read.refusals[0].sentence.find("runs as real, effective and saved user 0, 33 and 34, and without"),
              std::string::npos)
        << read.refusals[0].sentence;
}

TEST_F(FakeFacts, DoNotMindAnotherUserWithTheRightToItsLimits) {
    proc.add({.pid = ::getpid(), .comm = "cedana", .status = status("0", "000001ffffffffff")});
    add_child("105");
    EXPECT_TRUE(facts().refusals.empty());
}

TEST_F(FakeFacts, DoNotKnowTheUnixPeersOfAnotherNetworkNamespace) {
    add_child("0");
    proc.link(::getpid(), "ns/net", "net:[1]");
    proc.link(child.pid(), "ns/net", "net:[2]");
    proc.link(child.pid(), "fd/5", "socket:[99]");
    proc.write(child.pid(), "fdinfo/5", "flags:\t02\n");
    EXPECT_EQ(facts().external_unix_sockets, Answer::unknown);
}

struct GroupRow {
    const char* name;
    const char* tree;
    const char* cedana;
    CgroupPlace place;
};

class ControlGroups : public ::testing::TestWithParam<GroupRow> {};

INSTANTIATE_TEST_SUITE_P(
    Table, ControlGroups,
    ::testing::Values(GroupRow{"AtTheTop", "0::/\n", "0::/user.slice\n", CgroupPlace::nothing_of_its_own},
                      GroupRow{"WhereCedanaIs", "0::/user.slice\n", "0::/user.slice\n",
                               CgroupPlace::nothing_of_its_own},
                      GroupRow{"InItsOwn", "0::/system.slice/a\n", "0::/user.slice\n", CgroupPlace::elsewhere},
                      // A host with both versions: at the top of version 2, and limited in version 1.
                      GroupRow{"LimitedInVersion1", "4:memory:/a\n1:name=systemd:/\n0::/\n",
                               "4:memory:/\n1:name=systemd:/\n0::/\n", CgroupPlace::partly_at_top},
                      GroupRow{"LimitedInVersion1AndNotWhereCedanaIs", "4:memory:/a\n1:name=systemd:/\n0::/\n",
                               "4:memory:/b\n1:name=systemd:/\n0::/\n", CgroupPlace::partly_at_top},
                      GroupRow{"LimitedWithCedana", "4:memory:/a\n1:name=systemd:/\n0::/\n",
                               "4:memory:/a\n1:name=systemd:/\n0::/\n", CgroupPlace::nothing_of_its_own},
                      GroupRow{"PartlyWithCedana", "4:memory:/\n3:pids:/a\n0::/\n", "4:memory:/b\n3:pids:/a\n0::/\n",
                               CgroupPlace::nothing_of_its_own},
                      GroupRow{"OfVersion1Alone", "4:memory:/a\n3:pids:/\n1:name=systemd:/a\n",
                               "4:memory:/\n3:pids:/\n1:name=systemd:/\n", CgroupPlace::elsewhere}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST_P(ControlGroups, AreTheTreesWhereAnyHierarchyHasOne) {
    FakeProc proc;
    proc.add({.pid = 42});
    proc.add({.pid = ::getpid()});
    proc.write(42, "task/42/children", "");
    proc.write(42, "cgroup", GetParam().tree);
    proc.write(::getpid(), "cgroup", GetParam().cedana);
    TreeProcess root{.handle = ProcessHandle::open(Procfs(), ::getppid()),
                     .stat = *proc.procfs().stat(42),
                     .status = *proc.procfs().status(42),
                     .executable = {},
                     .command_line = {},
                     .threads = {42}};
    ProcessTree tree;
    tree.processes.push_back(std::move(root));
    EXPECT_EQ(read_facts(proc.procfs(), tree, holdings_of(proc.procfs(), tree), ::getpid()).cgroups, GetParam().place);
}

} // namespace
} // namespace cedana
