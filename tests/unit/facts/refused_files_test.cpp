// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/facts/refusal.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::Forked;
using testing::holds;
using testing::Look;
using testing::must;

std::vector<Refusal> refused_files_of(const Procfs& procfs, pid_t pid) {
    const Look look(procfs, pid);
    return refused_files(procfs, look.holdings);
}

// A child that has nothing open but what `set_up` opens.
std::vector<Refusal> files_refused_of_child(const std::function<void()>& set_up) {
    const Forked child([&] {
        ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        set_up();
    });
    return refused_files_of(Procfs(), child.pid());
}

TEST(RefusedFiles, AreNotWhatCriuKnows) {
    const auto refusals = files_refused_of_child([] {
        sigset_t none;
        ::sigemptyset(&none);
        ::eventfd(0, 0);
        ::epoll_create1(0);
        ::inotify_init1(0);
        ::signalfd(-1, &none, 0);
        ::timerfd_create(CLOCK_MONOTONIC, 0);
        ::syscall(SYS_pidfd_open, ::getpid(), 0);
        for (const char* path : {"/dev/null", "/dev/zero", "/dev/urandom", "/dev/ptmx", "/proc/self/stat", "/"})
            ::open(path, O_RDONLY);
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

// In a mount namespace of its own, with a folder that has a file.
std::vector<Refusal> refused_below_mount(const std::function<bool(const std::string&)>& mount) {
    const TempDir folder(std::filesystem::temp_directory_path(), "cedana-test");
    std::vector<Refusal> refusals = files_refused_of_child([&] {
        // Those are of the other namespace.
        ::close_range(STDIN_FILENO, STDERR_FILENO, 0);
        must(::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
        must(::open((folder.path() / "file").c_str(), O_RDWR | O_CREAT, 0600) >= 0 && mount(folder.path()));
    });
    // As its program is.
    std::erase_if(refusals, [](const Refusal& one) { return holds(one.sentence, "has left the mount namespace"); });
    return refusals;
}

TEST(RefusedFiles, AreThoseThatAnotherMountCovers) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root, for a mount";
    const auto refusals = refused_below_mount(
        [](const std::string& folder) { return ::mount("none", folder.c_str(), "tmpfs", 0, "size=64k") == 0; });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "another mount covers")) << refusals[0].sentence;
}

TEST(RefusedFiles, AreNotThoseThatTheMountAboveThemShows) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root, for a mount";
    const auto refusals = refused_below_mount([](const std::string& folder) {
        return ::mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) == 0;
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST(RefusedFiles, AreNamespacesThatNobodyLivesIn) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root, for a namespace";
    const auto refusals = files_refused_of_child([] {
        must(::open("/proc/self/ns/uts", O_RDONLY) >= 0 && ::open("/proc/self/ns/ipc", O_RDONLY) >= 0);
        must(::unshare(CLONE_NEWUTS) == 0);
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "a namespace open (uts, ")) << refusals[0].sentence;
}

TEST(RefusedFiles, AreDescriptorsOfTheKernelThatCriuDoesNotKnow) {
    if (const int probe = static_cast<int>(::syscall(SYS_userfaultfd, 1)); probe >= 0)
        ::close(probe);
    else
        GTEST_SKIP() << "this kernel gives no userfaultfd to this user";
    const auto refusals = files_refused_of_child([] { ::syscall(SYS_userfaultfd, 1); });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "[userfaultfd]"));
    EXPECT_TRUE(holds(refusals[0].hint, "client.signal_process_pre_dump"));
    EXPECT_TRUE(refusals[0].program_can_help);
    EXPECT_TRUE(refusals[0].plugin_can_help);
}

// What only a fake /proc can show everywhere.
class Files : public ::testing::Test {
  protected:
    Files() {
        proc.add({.pid = child.pid(), .comm = "program", .start_time = Procfs().stat(child.pid())->start_time});
        proc.write(child.pid(), "mountinfo",
                   "24 1 0:22 / / rw - ext4 /dev/vda rw\n25 24 0:5 / /dev rw - devtmpfs x rw\n");
    }
    void open(const std::string& target, int mount = 24) {
        proc.link(child.pid(), "fd/5", target);
        proc.write(child.pid(), "fdinfo/5", fmt::format("pos:\t0\nflags:\t02\nmnt_id:\t{}\n", mount));
    }
    std::vector<Refusal> refusals() const { return refused_files_of(proc.procfs(), child.pid()); }

    Forked child;
    FakeProc proc;
};

TEST_F(Files, OfIoUringCannotBeHelpedByAPlugIn) {
    open("anon_inode:[io_uring]");
    ASSERT_EQ(refusals().size(), 1U);
    EXPECT_TRUE(holds(refusals()[0].sentence, "io_uring"));
    EXPECT_FALSE(refusals()[0].plugin_can_help);
}

TEST_F(Files, ThatAreUnknownDevicesAreRefused) {
    struct ::stat info {};
    if (::stat("/dev/fuse", &info) != 0)
        GTEST_SKIP() << "no /dev/fuse here";
    open("/dev/fuse", 25);
    ASSERT_EQ(refusals().size(), 1U);
    EXPECT_TRUE(holds(refusals()[0].sentence, "the device /dev/fuse"));
}

TEST_F(Files, OfVirtualTerminalsAreFineOfSerialOnesNot) {
    struct ::stat info {};
    if (::stat("/dev/tty1", &info) != 0 || ::stat("/dev/ttyS0", &info) != 0)
        GTEST_SKIP() << "no /dev/tty1 and /dev/ttyS0 here";
    open("/dev/tty1", 25);
    EXPECT_TRUE(refusals().empty());
    proc.unlink(child.pid(), "fd/5");
    open("/dev/ttyS0", 25);
    ASSERT_EQ(refusals().size(), 1U);
    EXPECT_TRUE(holds(refusals()[0].sentence, "the device /dev/ttyS0"));
}

// BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_RINGBUF
TEST_F(Files, ThatAreBpfMapsMustBeHashesOrArrays) {
    open("anon_inode:bpf-map");
    proc.write(child.pid(), "fdinfo/5", "flags:\t02000002\nmnt_id:\t24\nmap_type:\t2\nkey_size:\t4\n");
    EXPECT_TRUE(refusals().empty());
    proc.write(child.pid(), "fdinfo/5", "flags:\t02000002\nmnt_id:\t24\nmap_type:\t27\nkey_size:\t0\n");
    ASSERT_EQ(refusals().size(), 1U);
    EXPECT_TRUE(holds(refusals()[0].sentence, "a BPF map of type 27")) << refusals()[0].sentence;
}

TEST_F(Files, OfGpusAreForSomebodyElseToJudge) {
    open("/dev/nvidia0");
    EXPECT_TRUE(refusals().empty());
}

TEST_F(Files, OfAnotherMountNamespaceAreRefusedUnlessTheyCanBeOpenedAnew) {
    open("/dev/null", 99);
    EXPECT_TRUE(refusals().empty());
    proc.unlink(child.pid(), "fd/5");
    // Not what lies there: a file of the same path in a third namespace.
    proc.link(child.pid(), "another", "/etc");
    open(proc.path() / std::to_string(child.pid()) / "another", 99);
    ASSERT_EQ(refusals().size(), 1U);
    EXPECT_TRUE(
        holds(refusals()[0].sentence, "another open (descriptor 5), which lies outside of its mount namespace"));
    EXPECT_TRUE(refusals()[0].plugin_can_help);
}

TEST_F(Files, OfItsOwnMountNamespaceAreFine) {
    open("/dev/null", 25);
    EXPECT_TRUE(refusals().empty());
}

TEST_F(Files, AreNotJudgedWhereMountsCannotBeSeen) {
    proc.write(child.pid(), "mountinfo", "");
    open("/dev/null", 99);
    EXPECT_TRUE(refusals().empty());
}

TEST(RefusedPrograms, OutsideOfTheirMountNamespaceAreRefused) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root may leave its mount namespace";
    const Forked child([] { testing::must(::unshare(CLONE_NEWNS) == 0); });
    const testing::Look look(Procfs(), child.pid());
    const auto refusals = refused_files(Procfs(), look.holdings);
    ASSERT_FALSE(refusals.empty());
    EXPECT_TRUE(holds(refusals[0].sentence, "has left the mount namespace")) << refusals[0].sentence;
}

struct RingProgram {
    const char* program;
    const char* hint;
};

class IoUringOf : public Files, public ::testing::WithParamInterface<RingProgram> {};

INSTANTIATE_TEST_SUITE_P(Programs, IoUringOf,
                         ::testing::Values(RingProgram{"/usr/bin/node", "UV_USE_IO_URING=0"},
                                           RingProgram{"/usr/sbin/mariadbd", "innodb_use_native_aio=0"},
                                           RingProgram{"/usr/lib/postgresql/18/bin/postgres", "io_method=worker"},
                                           RingProgram{"/usr/sbin/nginx", "aio threads"},
                                           RingProgram{"/usr/bin/redis-server", "without io_uring"},
                                           RingProgram{"/usr/bin/fio", "kernel.io_uring_disabled=2"}));

TEST_P(IoUringOf, HasTheHintOfItsProgram) {
    proc.unlink(child.pid(), "exe");
    proc.link(child.pid(), "exe", GetParam().program);
    open("anon_inode:[io_uring]");
    ASSERT_EQ(refusals().size(), 1U);
    EXPECT_TRUE(holds(refusals()[0].hint, GetParam().hint)) << refusals()[0].hint;
}

// A file of a shared anonymous mapping is opened by its place in map_files (proc(5)), for which one must be root.
TEST(RefusedFiles, AreNotSharedMemoryThatIsOpenToo) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root opens what is in map_files";
    const auto refusals = files_refused_of_child([] {
        char* const memory =
            static_cast<char*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        const auto start = reinterpret_cast<std::uintptr_t>(memory);
        if (::open(fmt::format("/proc/self/map_files/{:x}-{:x}", start, start + 4096).c_str(), O_RDWR) < 0)
            ::_exit(1);
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST(RefusedFiles, AreMessageQueuesByTheirOwnName) {
    const auto refusals = files_refused_of_child([] {
        const std::string name = fmt::format("/cedana-test-{}", ::getpid());
        ::mq_open(name.c_str(), O_RDWR | O_CREAT, 0600, nullptr);
        ::mq_unlink(name.c_str());
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "a POSIX message queue open")) << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].hint, "close it before the dump"));
}

TEST(RefusedFiles, AreAlarmClocks) {
    // Making one needs CAP_WAKE_ALARM.
    if (const int probe = ::timerfd_create(CLOCK_BOOTTIME_ALARM, 0); probe >= 0)
        ::close(probe);
    else
        GTEST_SKIP() << "this user may make no alarm clock";
    const auto refusals = files_refused_of_child([] {
        ::timerfd_create(CLOCK_BOOTTIME, 0);
        ::timerfd_create(CLOCK_REALTIME, 0);
        ::timerfd_create(CLOCK_BOOTTIME_ALARM, 0);
        ::timerfd_create(CLOCK_REALTIME_ALARM, 0);
    });
    ASSERT_EQ(refusals.size(), 2U);
    EXPECT_TRUE(holds(refusals[0].sentence, "has an alarm clock open (timerfd"));
}

TEST(RefusedFiles, ArePlacesOfWhatCriuMustAsk) {
    const TempDir folder(std::filesystem::temp_directory_path(), "places-test");
    const std::string fifo = folder.path() / "fifo";
    const std::string socket = folder.path() / "socket";
    const auto refusals = files_refused_of_child([&] {
        ::mkfifo(fifo.c_str(), 0600);
        ::mknod(socket.c_str(), S_IFSOCK | 0600, 0);
        for (const char* path : {fifo.c_str(), socket.c_str(), "/dev/null", "/", "/proc/self/exe", "/proc/self"})
            ::open(path, O_PATH | O_NOFOLLOW);
        ::open(fifo.c_str(), O_RDWR);
    });
    ASSERT_EQ(refusals.size(), 2U);
    EXPECT_TRUE(holds(refusals[0].sentence, "the place of the FIFO " + fifo));
    EXPECT_TRUE(holds(refusals[1].sentence, "the place of the socket " + socket));
}

} // namespace
} // namespace cedana
