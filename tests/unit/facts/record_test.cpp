// SPDX-License-Identifier: Apache-2.0
// The facts of real children, as the manifest keeps them.
#include "cedana/base/files.hpp"
#include "cedana/facts/facts.hpp"
#include "cedana/facts/record.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string_view>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using testing::Forked;

class Record : public ::testing::Test {
  protected:
    // Of a child in a session of its own that has nothing open but what `set_up` opens.
    RecordedFacts record(const std::function<void()>& set_up) {
        child_ = std::make_unique<Forked>([&] {
            ::setsid();
            const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
            for (const int fd : {0, 1, 2})
                ::dup2(null, fd);
            set_up();
        });
        const Procfs procfs;
        const testing::Look look(procfs, child_->pid());
        return read_facts(procfs, look.tree, look.holdings, ::getpid()).record;
    }
    [[nodiscard]] pid_t pid() const { return child_->pid(); }
    static const RecordedDescriptor& of_kind(const RecordedFacts& facts, OpenKind kind) {
        static const RecordedDescriptor none;
        const auto& descriptors = facts.processes.at(0).descriptors;
        const auto found = std::ranges::find(descriptors, kind, &RecordedDescriptor::kind);
        EXPECT_NE(found, descriptors.end()) << "no " << name_of(kind);
        return found == descriptors.end() ? none : *found;
    }

    // The program that runs the tests may have left files of its own open.
    static const RecordedDescriptor& at(const RecordedFacts& facts, std::string_view target) {
        static const RecordedDescriptor none;
        const auto& descriptors = facts.processes.at(0).descriptors;
        const auto found = std::ranges::find(descriptors, target, &RecordedDescriptor::target);
        EXPECT_NE(found, descriptors.end()) << "no " << target;
        return found == descriptors.end() ? none : *found;
    }

    TempDir folder = TempDir(fs::canonical(fs::temp_directory_path()), "record-test");
    fs::path file = folder.path() / "file";

  private:
    std::unique_ptr<Forked> child_;
};

TEST_F(Record, OfAProcessSaysWhereItLives) {
    const RecordedFacts facts = record([] {});
    ASSERT_EQ(facts.processes.size(), 1U);
    const RecordedProcess& process = facts.processes[0];
    EXPECT_EQ(process.pid, pid());
    EXPECT_EQ(process.group, pid());
    EXPECT_EQ(process.session, pid());
    EXPECT_EQ(process.terminal, "");
    EXPECT_EQ(process.tracer, 0);
    EXPECT_TRUE(process.namespaces.empty());
    EXPECT_TRUE(process.cgroups.empty());
    EXPECT_EQ(process.descriptors_left_out, 0U);
}

TEST_F(Record, OfAnOpenFileHasAllThatMattersOfIt) {
    const RecordedFacts facts = record([&] {
        const int fd = ::open(file.c_str(), O_RDWR | O_APPEND | O_CREAT, 0600);
        ::ftruncate(fd, 1000);
        ::lseek(fd, 17, SEEK_SET);
        ::flock(fd, LOCK_EX);
        fs::create_hard_link(file, folder.path() / "other");
    });
    const RecordedDescriptor& open = at(facts, file.string());
    EXPECT_EQ(open.kind, OpenKind::file);
    EXPECT_EQ(open.flags & static_cast<unsigned>(O_ACCMODE | O_APPEND), static_cast<unsigned>(O_RDWR | O_APPEND));
    EXPECT_EQ(open.position, 17U);
    EXPECT_EQ(open.names, 2U);
    EXPECT_EQ(open.locks, std::vector<std::string>{"FLOCK ADVISORY WRITE 0 EOF"});
}

TEST_F(Record, OfADeletedFileSaysThatItHasNoName) {
    const RecordedFacts facts = record([&] {
        ::open(file.c_str(), O_RDWR | O_CREAT, 0600);
        ::unlink(file.c_str());
    });
    EXPECT_EQ(at(facts, file.string() + " (deleted)").names, 0U);
}

TEST_F(Record, KnowsEveryKindOfOpenThing) {
    const RecordedFacts facts = record([&] {
        ::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY);
        ::open("/dev/ptmx", O_RDWR | O_NOCTTY);
        Pipe pipe = make_pipe();
        static_cast<void>(pipe.read_end.release());
        static_cast<void>(pipe.write_end.release());
        ::memfd_create("memory", 0);
        const int event = ::eventfd(0, 0);
        const int epoll = ::epoll_create1(0);
        epoll_event wanted{};
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted);
        const int notify = ::inotify_init();
        for (const char* path : {"/", "/tmp"})
            ::inotify_add_watch(notify, path, IN_CREATE);
        ::timerfd_create(CLOCK_MONOTONIC, 0);
        sigset_t none;
        ::sigemptyset(&none);
        ::signalfd(-1, &none, 0);
    });
    for (const OpenKind kind : {OpenKind::folder, OpenKind::terminal, OpenKind::pipe, OpenKind::memory,
                                OpenKind::eventfd, OpenKind::timerfd, OpenKind::signalfd, OpenKind::device})
        of_kind(facts, kind);
    EXPECT_EQ(of_kind(facts, OpenKind::epoll).watches, 1U);
    EXPECT_EQ(of_kind(facts, OpenKind::inotify).watches, 2U);
}

TEST_F(Record, OfTcpAndUdpHasBothEnds) {
    const RecordedFacts facts = record([] {
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        testing::must(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        ::listen(listener, 1);
        socklen_t size = sizeof address;
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
        for (const int type : {SOCK_STREAM, SOCK_DGRAM})
            testing::must(::connect(::socket(AF_INET, type, 0), reinterpret_cast<const sockaddr*>(&address),
                                    sizeof address) == 0);
    });
    std::vector<std::string> kinds;
    std::string listening;
    for (const RecordedSocket& socket : facts.sockets) {
        kinds.push_back(socket.kind + " " + socket.state);
        if (socket.state == "listening")
            listening = socket.local;
    }
    std::ranges::sort(kinds);
    EXPECT_EQ(kinds, (std::vector<std::string>{"tcp connected", "tcp listening", "udp connected"}));
    EXPECT_TRUE(listening.starts_with("127.0.0.1:")) << listening;
    for (const RecordedSocket& socket : facts.sockets)
        EXPECT_EQ(socket.remote, socket.state == "listening" ? "" : listening);
}

TEST_F(Record, OfUnixSocketsNamesWhoIsAtTheOtherEnd) {
    std::array<int, 2> outside{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, outside.data()), 0);
    const UniqueFd ours(outside[0]);
    const RecordedFacts facts = record([&] {
        ::close(outside[0]);
        std::array<int, 2> inside{};
        ::socketpair(AF_UNIX, SOCK_DGRAM, 0, inside.data());
    });
    ::close(outside[1]);
    const auto of = [&](const std::string& kind) {
        return std::ranges::find(facts.sockets, kind, &RecordedSocket::kind);
    };
    ASSERT_NE(of("unix datagram"), facts.sockets.end());
    EXPECT_NE(std::ranges::find(facts.sockets, of("unix datagram")->peer, &RecordedSocket::inode), facts.sockets.end());
    EXPECT_EQ(of("unix datagram")->peer_outside, "");
    ASSERT_NE(of("unix stream"), facts.sockets.end());
    EXPECT_TRUE(of("unix stream")->peer_outside.starts_with("process ")) << of("unix stream")->peer_outside;
}

TEST_F(Record, CountsTimers) {
    const RecordedFacts facts = record([] {
        timer_t timer{};
        ::timer_create(CLOCK_MONOTONIC, nullptr, &timer);
    });
    EXPECT_EQ(facts.processes.at(0).timers, 1U);
}

TEST_F(Record, OfAMappedFileIsThereOnceAndSaysWhetherItIsWritten) {
    const RecordedFacts facts = record([&] {
        const UniqueFd fd = open_file(file, O_RDWR | O_CREAT, 0600);
        ::ftruncate(fd.get(), 8192);
        testing::must(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd.get(), 0) != MAP_FAILED);
        testing::must(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 4096) != MAP_FAILED);
        static_cast<void>(testing::fork_that_stays());
    });
    const auto is_file = [&](const RecordedMapping& one) { return one.target == file.string(); };
    ASSERT_EQ(std::ranges::count_if(facts.mapped, is_file), 1);
    EXPECT_TRUE(std::ranges::find_if(facts.mapped, is_file)->written);
}

TEST_F(Record, OfManyDescriptorsSaysHowManyAreLeftOut) {
    constexpr std::size_t k_more = 100;
    const RecordedFacts facts = record([] {
        rlimit limit{.rlim_cur = 1000, .rlim_max = 1000};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        for (std::size_t i = 0; i < k_most_recorded_of_a_process + k_more - 3; ++i)
            ::open("/dev/null", O_RDONLY);
    });
    EXPECT_EQ(facts.processes.at(0).descriptors.size(), k_most_recorded_of_a_process);
    EXPECT_GE(facts.processes.at(0).descriptors_left_out, k_more);
}

} // namespace
} // namespace cedana
