// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

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

std::string limits(const std::string& files, const std::string& addresses = "unlimited") {
    return fmt::format("Limit                     Soft Limit           Hard Limit           Units     \n"
                       "Max open files            {:<20} {:<20} files     \n"
                       "Max address space         {:<20} {:<20} bytes     \n",
                       files, files, addresses, addresses);
}

// A process with the limits, and cedana, which has 1,024 descriptors and not CAP_SYS_RESOURCE.
class Limits : public ::testing::Test {
  protected:
    Limits() {
        proc.add({.pid = child.pid(), .start_time = Procfs().stat(child.pid())->start_time});
        proc.add({.pid = ::getpid()});
        proc.write(::getpid(), "limits", limits("1024"));
        proc.write(child.pid(), "limits", limits("1024"));
        proc.write(child.pid(), "statm", "1000 1 1 1 0 1 0\n");
    }
    void open(int fd) {
        proc.link(child.pid(), "fd/" + std::to_string(fd), "/dev/null");
        proc.write(child.pid(), "fdinfo/" + std::to_string(fd), "pos:\t0\nflags:\t02\n");
    }
    std::vector<Refusal> refused() {
        const Look look(proc.procfs(), child.pid());
        return refused_limits(proc.procfs(), look.holdings, ::getpid());
    }
    Forked child;
    FakeProc proc;
};

TEST_F(Limits, OfAnOrdinaryProcessAreNoReason) {
    open(0);
    open(1024 - 33);
    EXPECT_TRUE(refused().empty()) << refused()[0].sentence;
}

// criu/servicefd.c: the number itself, 16 of CRIU's own, and 16 to spare.
TEST_F(Limits, RefuseADescriptorAboveWhichCriuHasNoRoom) {
    open(1024 - 31);
    const auto refusals = refused();
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "has the descriptor 993 open")) << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].hint, "ulimit -Hn"));
}

TEST_F(Limits, RefuseMoreMappingsThanCriuCanHaveOpen) {
    std::string maps;
    const auto map = [&](int count) {
        for (int i = 0; i < count; ++i) {
            const std::uint64_t at = 0x10000 + 0x1000 * (maps.size() / 64);
            maps +=
                fmt::format("{:x}-{:x} rw-s 00000000 00:01 {:<24} /dev/zero (deleted)\n", at, at + 0x1000, 1000 + i);
        }
        proc.write(child.pid(), "maps", maps);
    };
    open(0);
    map(1024 - 33);
    EXPECT_TRUE(refused().empty()) << refused()[0].sentence;
    map(1);
    const auto refusals = refused();
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "1 descriptors, and 992 mappings")) << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].hint, "ulimit -Hn 1025"));
}

TEST_F(Limits, TakeOnlyWholeBlocksOfDescriptorsForRoom) {
    proc.write(::getpid(), "limits", limits("1100"));
    open(1024 - 31);
    EXPECT_EQ(refused().size(), 1U);
    proc.write(::getpid(), "limits", limits("1152"));
    EXPECT_TRUE(refused().empty());
}

TEST_F(Limits, AreThoseOfTheHostWhereCriuMayRaiseItsOwn) {
    proc.add({.pid = ::getpid(), .status = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n"});
    std::filesystem::create_directories(proc.path() / "sys/fs");
    std::ofstream(proc.path() / "sys/fs/nr_open") << "1048576\n";
    proc.write(child.pid(), "limits", limits("1048576"));
    open(1024 - 1);
    EXPECT_TRUE(refused().empty());
    open(1048576 - 1);
    EXPECT_EQ(refused().size(), 1U);
}

TEST_F(Limits, RefuseAProcessWithoutFourFreeDescriptors) {
    proc.write(child.pid(), "limits", limits("12"));
    for (int fd = 0; fd < 8; ++fd)
        open(fd);
    EXPECT_TRUE(refused().empty());
    // Above its limit, which was lowered since: that is no number that CRIU could have had.
    open(40);
    EXPECT_TRUE(refused().empty());
    open(8);
    const auto refusals = refused();
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "9 of the 12 descriptors")) << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].hint, fmt::format("prlimit --pid {} --nofile=16:", child.pid())));
}

TEST_F(Limits, RefuseAProcessWithoutRoomForWhatCriuMapsIntoIt) {
    const long page = ::sysconf(_SC_PAGESIZE);
    proc.write(child.pid(), "maps", "10000000-14000000 rw-p 00000000 00:00 0 \n");
    const long needed = 48L * 1024 + (64L << 20) / page * 16;
    proc.write(child.pid(), "limits", limits("1024", std::to_string(1000 * page + needed)));
    const auto refusals = refused();
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "RLIMIT_AS")) << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].hint, "prlimit --pid"));
    proc.write(child.pid(), "limits", limits("1024", std::to_string(1000 * page + needed + page)));
    EXPECT_TRUE(refused().empty());
}

} // namespace
} // namespace cedana
