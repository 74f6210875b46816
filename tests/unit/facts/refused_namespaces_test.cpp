// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <gtest/gtest.h>

#include <sys/ipc.h>
#include <sys/shm.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::Forked;
using testing::holds;
using testing::Look;

std::vector<Refusal> refused_namespaces_of(const Procfs& procfs, pid_t pid, const SystemdUnit& unit = {}) {
    const Look look(procfs, pid);
    return refused_namespaces(procfs, look.holdings, cedana::Namespaces(procfs, ::getpid()), unit);
}

// Two processes whose namespaces only a fake /proc can show everywhere.
class Namespaces : public ::testing::Test {
  protected:
    Namespaces() {
        proc.add({.pid = ::getpid(), .comm = "cedana"});
        proc.add({.pid = root.pid(), .comm = "root", .start_time = start_of(root)});
        proc.add({.pid = child.pid(), .parent = root.pid(), .comm = "child", .start_time = start_of(child)});
        for (const char* name : {"user", "pid", "ipc", "mnt", "time", "time_for_children"})
            for (const pid_t pid : {::getpid(), root.pid(), child.pid()})
                proc.link(pid, std::string("ns/") + name, kind_of(name) + ":[1]");
    }
    static std::uint64_t start_of(const Forked& process) { return Procfs().stat(process.pid())->start_time; }
    static std::string kind_of(const std::string& name) { return name.substr(0, name.find('_')); }
    void set(const Forked& process, const std::string& name) {
        proc.unlink(process.pid(), "ns/" + name);
        proc.link(process.pid(), "ns/" + name, kind_of(name) + ":[2]");
    }
    // The only refusal.
    Refusal refusal() const {
        const auto found = refused_namespaces_of(proc.procfs(), root.pid());
        EXPECT_EQ(found.size(), 1U);
        return found.empty() ? Refusal{} : found.front();
    }

    Forked root;
    Forked child;
    FakeProc proc;
};

TEST_F(Namespaces, OfTheHostAreNotMinded) { EXPECT_TRUE(refused_namespaces_of(proc.procfs(), root.pid()).empty()); }

TEST_F(Namespaces, OfUsersMustBeOurs) {
    set(child, "user");
    EXPECT_EQ(refusal().pid, child.pid());
    EXPECT_TRUE(holds(refusal().sentence, "user namespace"));
    EXPECT_FALSE(refusal().hint.empty());
}

TEST_F(Namespaces, OfUsersAreToldInTheWordsOfTheUnit) {
    set(root, "user");
    set(child, "user");
    const auto found = refused_namespaces_of(proc.procfs(), root.pid(), {.name = "a.service"});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(holds(found[0].sentence, "of a.service"));
    EXPECT_TRUE(holds(found[0].sentence, "PrivateUsers="));
    EXPECT_TRUE(holds(found[0].hint, "systemctl edit a.service"));
    EXPECT_TRUE(holds(found[0].hint, "PrivateUsers=no"));
}

TEST_F(Namespaces, OfUsersFollowFromTheSandboxInAUnitOfAUser) {
    set(root, "user");
    const auto found = refused_namespaces_of(proc.procfs(), root.pid(), {.name = "a.service", .user = "1000"});
    ASSERT_FALSE(found.empty());
    EXPECT_TRUE(holds(found[0].hint, "PrivateTmp="));
}

TEST_F(Namespaces, OfAUnitMayNotHoldSharedMemoryOfTheHost) {
    proc.write(root.pid(), "maps", "400000-401000 rw-s 00000000 00:01 77   /SYSV00000000 (deleted)\n");
    proc.write(child.pid(), "maps", "400000-401000 rw-s 00000000 00:01 77   /SYSV00000000 (deleted)\n");
    const auto found = refused_namespaces_of(proc.procfs(), root.pid(), {.name = "a.service"});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(holds(found[0].hint, "PrivateIPC=yes"));
}

TEST_F(Namespaces, OfPidsMustBeThatOfTheRoot) {
    set(child, "pid");
    EXPECT_TRUE(holds(refusal().sentence, "another pid namespace than the root of its tree"));
    EXPECT_TRUE(holds(refusal().hint, "-p " + std::to_string(child.pid())));
}

TEST_F(Namespaces, OfPidsMayDifferFromOurs) {
    set(root, "pid");
    set(child, "pid");
    EXPECT_TRUE(refused_namespaces_of(proc.procfs(), root.pid()).empty());
}

TEST_F(Namespaces, OfPidsThatAreNotOursMustBeginWithTheRoot) {
    set(root, "pid");
    set(child, "pid");
    proc.write(root.pid(), "status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t4242\t1\n");
    EXPECT_TRUE(refused_namespaces_of(proc.procfs(), root.pid()).empty());
    proc.write(root.pid(), "status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t4242\t7\n");
    EXPECT_TRUE(holds(refusal().sentence, "is not the first process of that"));
    EXPECT_TRUE(holds(refusal().hint, "nsenter -t " + std::to_string(root.pid()) + " -p -m cedana client dump -p 7"));
}

TEST_F(Namespaces, OfAJobAreLeftToItsSupervisor) {
    set(root, "pid");
    set(child, "pid");
    proc.write(root.pid(), "status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t4242\t7\n");
    proc.write(root.pid(), "mountinfo", "90 80 0:50 / /run/cedana/job rw,nosuid - tmpfs cedana-job rw,size=64k\n");
    EXPECT_TRUE(holds(refusal().sentence, "belongs to a job"));
    EXPECT_TRUE(holds(refusal().hint, "cedana client checkpoint JOB"));
    EXPECT_FALSE(holds(refusal().hint, "nsenter"));
}

TEST_F(Namespaces, MustHoldTheLeaderOfTheSession) {
    proc.write(child.pid(), "status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSsid:\t4242\t0\n");
    EXPECT_TRUE(holds(refusal().sentence, "begun outside of its pid namespace"));
    EXPECT_TRUE(holds(refusal().hint, "setsid"));
}

TEST_F(Namespaces, MayHoldASessionOfTheirOwn) {
    proc.write(child.pid(), "status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSsid:\t4242\t1\n");
    EXPECT_TRUE(refused_namespaces_of(proc.procfs(), root.pid()).empty());
}

TEST_F(Namespaces, OfTimeMayNotWaitForChildren) {
    set(child, "time_for_children");
    EXPECT_TRUE(holds(refusal().sentence, "has made a time namespace for its children"));
}

TEST_F(Namespaces, OfTimeMustBeThatOfTheRoot) {
    set(child, "time");
    set(child, "time_for_children");
    EXPECT_TRUE(holds(refusal().sentence, "another time namespace"));
    EXPECT_TRUE(holds(refusal().hint, "unshare --time"));
    EXPECT_TRUE(holds(refusal().hint, "--clocks host"));
}

TEST_F(Namespaces, OfMountsBelowThoseOfTheHostAreRefused) {
    set(child, "mnt");
    EXPECT_EQ(refusal().pid, child.pid());
    EXPECT_TRUE(holds(refusal().sentence, "another mount namespace than the root of its tree"));
    EXPECT_TRUE(holds(refusal().hint, "-p " + std::to_string(child.pid())));
}

TEST_F(Namespaces, OfMountsBelowAnotherAreFine) {
    set(root, "mnt");
    EXPECT_TRUE(refused_namespaces_of(proc.procfs(), root.pid()).empty());
}

TEST_F(Namespaces, OfIpcMustBeThatOfTheRootWhicheverThatIs) {
    set(root, "ipc");
    EXPECT_TRUE(holds(refusal().sentence, "another ipc namespace"));
}

TEST_F(Namespaces, OfTheHostMayNotHoldSharedMemoryOfTheTree) {
    proc.write(root.pid(), "maps", "400000-401000 rw-s 00000000 00:01 77   /SYSV00000000 (deleted)\n");
    EXPECT_TRUE(holds(refusal().sentence, "System V shared memory"));
    EXPECT_TRUE(holds(refusal().hint, "unshare --ipc"));
}

TEST_F(Namespaces, OfTheHostMayNotHoldItsFirstSegmentWhoseInodeIsZero) {
    proc.write(root.pid(), "maps", "400000-401000 rw-s 00000000 00:01 0   /SYSV00000000 (deleted)\n");
    EXPECT_TRUE(holds(refusal().sentence, "System V shared memory"));
}

TEST_F(Namespaces, OfItsOwnMayHoldSharedMemory) {
    proc.write(root.pid(), "maps", "400000-401000 rw-s 00000000 00:01 77   /SYSV00000000 (deleted)\n");
    set(root, "ipc");
    set(child, "ipc");
    EXPECT_TRUE(refused_namespaces_of(proc.procfs(), root.pid()).empty());
}

TEST_F(Namespaces, OfVsftpdCanBeSwitchedOff) {
    proc.add({.pid = root.pid(), .comm = "vsftpd", .executable = "/usr/sbin/vsftpd", .start_time = start_of(root)});
    proc.link(root.pid(), "ns/ipc", "ipc:[1]");
    set(child, "ipc");
    EXPECT_TRUE(holds(refusal().hint, "isolate=NO"));
}

// The link leads to the device itself, which only root can make elsewhere.
class TunnelOfTheTree : public Namespaces {
  protected:
    void SetUp() override {
        if (::access("/dev/net/tun", F_OK) != 0)
            GTEST_SKIP() << "no tunnels here";
        for (const pid_t pid : {::getpid(), root.pid(), child.pid()})
            proc.link(pid, "ns/net", "net:[1]");
        proc.link(child.pid(), "fd/5", "/dev/net/tun");
        proc.write(child.pid(), "fdinfo/5", "flags:\t02\n");
    }
};

TEST_F(TunnelOfTheTree, MayNotBeInTheNetworkOfTheHost) {
    EXPECT_EQ(refusal().pid, child.pid());
    EXPECT_TRUE(holds(refusal().sentence, "has a tunnel open (/dev/net/tun)"));
    EXPECT_TRUE(holds(refusal().hint, "ip netns exec"));
}

TEST_F(TunnelOfTheTree, MayBeInANetworkOfItsOwn) {
    set(root, "net");
    set(child, "net");
    EXPECT_TRUE(refused_namespaces_of(proc.procfs(), root.pid()).empty());
}

TEST(SharedMemoryOfTheHost, IsSeenInARealProcess) {
    const Forked child([] {
        // What the tests are started from may have session 0, which is refused for its own reason.
        ::setsid();
        const int id = ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        ::shmat(id, nullptr, 0);
        ::shmctl(id, IPC_RMID, nullptr);
    });
    const auto refusals = refused_namespaces_of(Procfs(), child.pid());
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "System V shared memory"));
}

} // namespace
} // namespace cedana
