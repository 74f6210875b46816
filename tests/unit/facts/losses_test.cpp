// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/facts/losses.hpp"

#include <functional>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;

constexpr const char* k_plain = "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
                                "Size:                  4 kB\n"
                                "ProtectionKey:         0\n"
                                "VmFlags: rd wr mr mw me ac \n";

TEST(ParseSmaps, CountsWhatIsSealedButForWhatTheKernelSealsItself) {
    const MappingFlags flags =
        parse_smaps(std::string(k_plain) + "7f0000002000-7f0000003000 r-xp 00000000 00:00 0    [vdso]\n"
                                           "VmFlags: rd ex mr mw me de sl \n"
                                           "7f0000004000-7f0000005000 r--p 00000000 08:01 42   /usr/lib/a b.so\n"
                                           "VmFlags: rd mr mw me sl \n");
    EXPECT_EQ(flags.sealed, 1U);
    EXPECT_EQ(flags.keyed, 0U);
}

TEST(ParseSmaps, CountsKeysButThoseOfMemoryThatCanOnlyBeExecuted) {
    const MappingFlags flags = parse_smaps("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
                                           "ProtectionKey:         3\n"
                                           "VmFlags: rd wr mr mw me ac \n"
                                           "7f0000002000-7f0000003000 --xp 00000000 00:00 0 \n"
                                           "ProtectionKey:         1\n"
                                           "VmFlags: ex mr mw me ac \n");
    EXPECT_EQ(flags.keyed, 1U);
}

TEST(ParseSmaps, KnowsWhetherAllIsLocked) {
    const std::string locked = "7f0000002000-7f0000003000 rw-p 00000000 00:00 0 \nVmFlags: rd wr mr mw me lo ac \n";
    EXPECT_TRUE(parse_smaps(locked).all_locked);
    EXPECT_FALSE(parse_smaps(locked + k_plain).all_locked);
    EXPECT_TRUE(parse_smaps(locked + k_plain).locked);
    EXPECT_FALSE(parse_smaps(k_plain).all_locked);
    EXPECT_FALSE(parse_smaps("").all_locked);
}

std::vector<std::string> losses_of(const Forked& child) {
    const Procfs procfs;
    return find_losses(procfs, testing::Look(procfs, child.pid()).tree);
}
std::vector<std::string> unread_of(const Forked& child) {
    const Procfs procfs;
    return find_unread(testing::Look(procfs, child.pid()).holdings);
}
bool tells(const std::vector<std::string>& sentences, const std::string& words) {
    return sentences.size() == 1 && sentences[0].find(words) != std::string::npos;
}

TEST(SandboxLosses, AreOfMemoryThatTheProgramHasSealed) {
    constexpr long k_mseal = 462;
    constexpr std::size_t k_page = 4096;
    if (::syscall(k_mseal, 0UL, 0UL, 0UL) != 0)
        GTEST_SKIP() << "no mseal here (Linux 6.10)";
    const Forked child([] {
        void* memory = ::mmap(nullptr, k_page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ::syscall(k_mseal, memory, k_page, 0UL);
    });
    const Forked plain;
    const Procfs procfs;
    const auto losses = find_sandbox_losses(procfs, testing::Look(procfs, child.pid()).tree);
    ASSERT_EQ(losses.size(), 1U);
    EXPECT_EQ(losses[0].pid, child.pid());
    EXPECT_NE(losses[0].sentence.find("has sealed 1 of its mappings"), std::string::npos) << losses[0].sentence;
    EXPECT_TRUE(find_sandbox_losses(procfs, testing::Look(procfs, plain.pid()).tree).empty());
}

TEST(Losses, OfAPlainProgramAreNone) {
    const Forked child([] { ::close_range(3, ~0U, 0); });
    EXPECT_EQ(losses_of(child), std::vector<std::string>());
    EXPECT_EQ(unread_of(child), std::vector<std::string>());
}

TEST(Losses, AreTheRuleToLockAllMemory) {
    const Forked child([] { ::mlockall(MCL_CURRENT | MCL_FUTURE); });
    // AddressSanitizer makes nothing of it.
    if (Procfs().read(child.pid(), "status").value_or("").find("VmLck:\t       0 kB") != std::string::npos)
        GTEST_SKIP() << "nothing can be locked here";
    EXPECT_TRUE(tells(losses_of(child), "mlockall"));
}

TEST(Losses, AreNoneWhereSomeMemoryIsLocked) {
    static const int locked = 1;
    const Forked child([] { ::mlock(&locked, sizeof locked); });
    EXPECT_EQ(losses_of(child), std::vector<std::string>());
}

TEST(Losses, AreMitigationsThatItAskedFor) {
    const Forked child([] {
        ::prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, PR_SPEC_DISABLE, 0, 0);
        ::prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0);
    });
    const std::string status = Procfs().read(child.pid(), "status").value_or("");
    if (status.find("thread mitigated") == std::string::npos &&
        status.find("conditional disabled") == std::string::npos)
        GTEST_SKIP() << "this host has no mitigation that a program can ask for";
    EXPECT_TRUE(tells(losses_of(child), "mitigation of speculation"));
}

TEST(Losses, AreTheRuleToMergePages) {
    constexpr int k_set_memory_merge = 67;
    const Forked child([] { ::prctl(k_set_memory_merge, 1, 0, 0, 0); });
    if (Procfs().read(child.pid(), "ksm_stat").value_or("").find("ksm_merge_any: yes") == std::string::npos)
        GTEST_SKIP() << "this kernel does not tell";
    EXPECT_TRUE(tells(losses_of(child), "PR_SET_MEMORY_MERGE"));
}

TEST(Unread, AreDatagramsInAQueue) {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    const Forked child;
    EXPECT_EQ(unread_of(child), std::vector<std::string>());
    ASSERT_EQ(::sendto(socket.get(), "hello", 5, 0, reinterpret_cast<sockaddr*>(&address), size), 5);
    EXPECT_TRUE(tells(unread_of(child), "the datagrams that process"));
}

TEST(LostWatches, AreThoseOfFilesThatWereRemoved) {
    const TempDir folder(std::filesystem::temp_directory_path(), "losses-test");
    const auto path = folder.path() / "watched";
    const UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    const UniqueFd watch(::inotify_init1(IN_CLOEXEC));
    ASSERT_GE(::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY), 0);
    ASSERT_GE(::inotify_add_watch(watch.get(), folder.path().c_str(), IN_MODIFY), 0);
    const Forked child;
    const Procfs procfs;
    const auto look = [&] { return find_lost_watches(procfs, testing::Look(procfs, child.pid()).holdings); };
    EXPECT_EQ(look(), std::vector<std::string>());
    std::filesystem::remove(path);
    EXPECT_TRUE(tells(look(), "1 of the watches"));
}

TEST(LostWatches, AreMarksOfWholeFileSystems) {
    const Forked child;
    testing::FakeProc proc;
    proc.add({.pid = child.pid(), .start_time = Procfs().stat(child.pid())->start_time});
    proc.link(child.pid(), "fd/5", "anon_inode:[fanotify]");
    proc.write(child.pid(), "fdinfo/5",
               "flags:\t02\nfanotify flags:200 event-flags:8000\n"
               "fanotify sdev:fe00000 mflags:0 mask:2 ignored_mask:0\n"
               "fanotify mnt_id:12 mflags:0 mask:2 ignored_mask:0\n");
    const testing::Look look(proc.procfs(), child.pid());
    const auto losses = find_lost_watches(proc.procfs(), look.holdings);
    ASSERT_EQ(losses.size(), 1U);
    EXPECT_TRUE(tells(losses, "1 of the marks")) << losses[0];
}

TEST(LostSemaphores, AreEventfdsThatGiveOneAtATime) {
    const UniqueFd plain(::eventfd(3, EFD_CLOEXEC));
    const Procfs procfs;
    const auto look = [&](const Forked& child) {
        return find_lost_semaphores(procfs, testing::Look(procfs, child.pid()).holdings);
    };
    EXPECT_EQ(look(Forked()), std::vector<std::string>());
    const UniqueFd semaphore(::eventfd(3, EFD_CLOEXEC | EFD_SEMAPHORE));
    const UniqueFd same(::dup(semaphore.get()));
    const Forked child;
    const std::string info = procfs.read(child.pid(), fmt::format("fdinfo/{}", semaphore.get()).c_str()).value_or("");
    if (info.find("eventfd-semaphore") == std::string::npos)
        GTEST_SKIP() << "this kernel does not tell";
    EXPECT_TRUE(tells(look(child), "EFD_SEMAPHORE"));
}

TEST(Unread, AreEventsOfInotify) {
    const TempDir folder(std::filesystem::temp_directory_path(), "losses-test");
    const UniqueFd watch(::inotify_init1(IN_CLOEXEC));
    ASSERT_GE(::inotify_add_watch(watch.get(), folder.path().c_str(), IN_CREATE), 0);
    const Forked child;
    EXPECT_EQ(unread_of(child), std::vector<std::string>());
    const UniqueFd file(::open((folder.path() / "new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    EXPECT_TRUE(tells(unread_of(child), "from its inotify"));
}

TEST(LockedMemory, ThatIsLockedAsItIsTouchedIsToldWithItsPlace) {
    const MappingFlags flags = parse_smaps("7f0000000000-7f0000001000 rw-p 00000000 00:00 0\nVmFlags: rd wr lo lf ac\n"
                                           "7f0000001000-7f0000003000 r--p 00000000 00:00 0\nVmFlags: rd lo lf ac\n"
                                           "7f0000005000-7f0000006000 rw-p 00000000 00:00 0\nVmFlags: rd wr lo ac\n"
                                           "7f0000007000-7f0000008000 rw-p 00000000 00:00 0\nVmFlags: rd wr lf ac\n");
    EXPECT_EQ(flags.locked_on_fault, (std::vector<MemoryRange>{{.start = 0x7f0000000000, .end = 0x7f0000003000}}));
}

TEST(LockedMemory, ThatIsLockedAsItIsTouchedIsALoss) {
    const auto lock = [](unsigned flags) {
        constexpr std::size_t k_size = 16UL * 4096;
        void* const memory = ::mmap(nullptr, k_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (::mlock2(memory, k_size, flags) != 0)
            ::prctl(PR_SET_NAME, "unfit");
    };
    const Procfs procfs;
    const auto look = [&](const Forked& child) { return find_losses(procfs, testing::Look(procfs, child.pid()).tree); };
    const Forked plain([&] { lock(0); });
    const Forked on_fault([&] { lock(MLOCK_ONFAULT); });
    if (procfs.stat(on_fault.pid())->comm == "unfit")
        GTEST_SKIP() << "this user may lock no memory";
    EXPECT_EQ(look(plain), std::vector<std::string>());
    EXPECT_TRUE(tells(look(on_fault), "MLOCK_ONFAULT"));
}

TEST(Unread, IsWhatAnEpollInstanceWaitsForNoMore) {
    const Pipe pipe = make_pipe();
    const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event once{.events = EPOLLOUT | EPOLLONESHOT, .data = {}};
    ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, pipe.write_end.get(), &once), 0);
    const Forked child;
    EXPECT_EQ(unread_of(child), std::vector<std::string>());
    ASSERT_EQ(::epoll_wait(epoll.get(), &once, 1, 0), 1);
    EXPECT_TRUE(tells(unread_of(child), "EPOLLONESHOT"));
}

TEST(LostNames, AreThoseOfAcceptedConnections) {
    const TempDir folder(std::filesystem::temp_directory_path(), "losses-test");
    const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string path = folder.path() / "listens";
    path.copy(&name.sun_path[0], sizeof name.sun_path - 1);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    const auto look = [] {
        const Forked child;
        const testing::Look seen(Procfs(), child.pid());
        return find_lost_names(sockets_of(Procfs(), seen.holdings));
    };
    EXPECT_EQ(look(), std::vector<std::string>());
    const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    const UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(tells(look(), fmt::format("the name {} that connections of process", path)));
}

} // namespace
} // namespace cedana
