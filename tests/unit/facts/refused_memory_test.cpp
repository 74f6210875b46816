// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <functional>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::Forked;
using testing::holds;
using testing::Look;

std::vector<Refusal> memory_refused_of_child(const std::function<void()>& set_up) {
    const Forked child(set_up);
    const Look look(Procfs(), child.pid());
    return refused_memory(Procfs(), look.holdings);
}

int sealed_memory(int seals) {
    const int fd = ::memfd_create("keymap", MFD_ALLOW_SEALING);
    [[maybe_unused]] const int cut = ::ftruncate(fd, 4096);
    ::fcntl(fd, F_ADD_SEALS, seals);
    return fd;
}

TEST(ProbedMemory, IsRefusedUnlessCriuMayLeaveItOut) {
    const Forked child;
    FakeProc proc;
    proc.add({.pid = child.pid(), .start_time = Procfs().stat(child.pid())->start_time});
    proc.write(child.pid(), "maps", "7fffffffe000-7ffffffff000 --xp 00000000 00:00 0                  [uprobes]\n");
    const Look look(proc.procfs(), child.pid());
    const auto refusals = refused_memory(proc.procfs(), look.holdings);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "has been probed (uprobes"));
    EXPECT_TRUE(holds(refusals[0].hint, "--criu-arg=--allow-uprobes"));
    EXPECT_EQ(refusals[0].passed_with, "--allow-uprobes");
}

class SealedMemory : public ::testing::TestWithParam<bool> {
  protected:
    static void map(int fd) {
        testing::must(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
        if (GetParam())
            ::close(fd);
    }
};

INSTANTIATE_TEST_SUITE_P(OpenOrClosed, SealedMemory, ::testing::Bool());

TEST_P(SealedMemory, IsRefusedWhereItIsMappedShared) {
    const auto refusals = memory_refused_of_child([] { map(sealed_memory(F_SEAL_WRITE)); });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "sealed against writing (/memfd:keymap (deleted))"))
        << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].hint, "MAP_PRIVATE"));
}

TEST_P(SealedMemory, IsNotRefusedWithOtherSeals) {
    constexpr int k_future_write = 0x10;
    const auto refusals = memory_refused_of_child([] {
        map(sealed_memory(F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK));
        map(sealed_memory(k_future_write));
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST_P(SealedMemory, IsNotRefusedWhereItsDescriptorCannotWrite) {
    const auto refusals = memory_refused_of_child([] {
        const int fd = sealed_memory(F_SEAL_WRITE);
        const int reading = ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY);
        ::close(fd);
        map(reading);
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST(RefusedMemory, IsNotSealedMemoryThatIsMappedPrivately) {
    const auto refusals = memory_refused_of_child([] {
        testing::must(::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, sealed_memory(F_SEAL_WRITE), 0) != MAP_FAILED);
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST(RefusedMemory, IsSecretMemory) {
    const UniqueFd probe(static_cast<int>(::syscall(SYS_memfd_secret, O_CLOEXEC)));
    if (!probe)
        GTEST_SKIP() << "this kernel has no secret memory";
    const auto refusals = memory_refused_of_child([] {
        const int fd = static_cast<int>(::syscall(SYS_memfd_secret, 0));
        [[maybe_unused]] const int cut = ::ftruncate(fd, 4096);
        testing::must(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED);
        ::close(fd);
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "secret memory mapped")) << refusals[0].sentence;
}

class MapsOfAProcess : public ::testing::Test {
  protected:
    std::vector<Refusal> refused_with(const std::string& maps) {
        proc.add({.pid = child.pid(), .start_time = Procfs().stat(child.pid())->start_time});
        proc.write(child.pid(), "maps", maps);
        const Look look(proc.procfs(), child.pid());
        return refused_memory(proc.procfs(), look.holdings);
    }
    Forked child;
    FakeProc proc;
};

// As ThreadSanitizer and AddressSanitizer have them.
TEST_F(MapsOfAProcess, RefusesMoreAddressesThanCriuCanReserve) {
#ifndef __x86_64__
    GTEST_SKIP() << "the room is known of x86-64 alone";
#endif
    const auto refusals = refused_with("007ffffff000-7e8000000000 ---p 00000000 00:00 0 \n");
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "has reserved 126")) << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].hint, "ThreadSanitizer"));
    EXPECT_TRUE(refused_with("007fff7000-10007fff8000 rw-p 00000000 00:00 0 \n"
                             "200000000000-7e0000000000 rw-s 00000000 00:01 7 /dev/zero (deleted)\n")
                    .empty());
}

TEST_F(MapsOfAProcess, RefusesAnIoUringThatIsMappedAlone) {
    const auto refusals = refused_with("7f0000000000-7f0000001000 rw-s 00000000 00:0f 12 anon_inode:[io_uring]\n");
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "io_uring instance mapped"));
}

TEST_F(MapsOfAProcess, RefusesAProgramThatWasStartedFromMemory) {
    proc.add({.pid = child.pid(),
              .executable = "/memfd:loader (deleted)",
              .start_time = Procfs().stat(child.pid())->start_time});
    const Look look(proc.procfs(), child.pid());
    const auto refusals = refused_memory(proc.procfs(), look.holdings);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "was started from memory (its program is /memfd:loader)"));
    EXPECT_TRUE(holds(refusals[0].hint, "from a file"));
}

TEST_F(MapsOfAProcess, DoesNotRefuseAProgramWhoseFileIsCalledSo) {
    proc.add({.pid = child.pid(), .executable = "/memfd:loader", .start_time = Procfs().stat(child.pid())->start_time});
    const Look look(proc.procfs(), child.pid());
    EXPECT_TRUE(refused_memory(proc.procfs(), look.holdings).empty());
}

} // namespace
} // namespace cedana
