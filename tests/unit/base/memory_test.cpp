// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/memory.hpp"

#include <gtest/gtest.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

class AvailableMemory : public test::InTempFolder {
  protected:
    void SetUp() override {
        std::filesystem::create_directories(path("proc/self"));
        std::filesystem::create_directories(path("cgroups/outer/inner"));
        write("proc/meminfo", "MemTotal:  9000 kB\nMemAvailable:    1000 kB\n");
        write("proc/self/cgroup", "0::/outer/inner\n");
    }
    [[nodiscard]] std::uint64_t look() const { return available_memory(path("proc"), path("cgroups")); }
};

TEST_F(AvailableMemory, IsWhatTheHostHas) { EXPECT_EQ(look(), 1000U * 1024); }

TEST_F(AvailableMemory, OfTheHostCountsItsSwap) {
    write("proc/meminfo", "MemAvailable:    1000 kB\nSwapFree:  10 kB\n");
    EXPECT_EQ(host_memory(path("proc")), 1010U * 1024);
    write("proc/meminfo", "nothing\n");
    EXPECT_EQ(host_memory(path("proc")), std::nullopt);
}

TEST_F(AvailableMemory, IsTheRoomLeftInTheCgroupIfThatIsLess) {
    write("cgroups/outer/inner/memory.max", "5000\n");
    write("cgroups/outer/inner/memory.current", "1000\n");
    EXPECT_EQ(look(), 4000U);
}

TEST_F(AvailableMemory, CountsTheLimitsOfOuterCgroups) {
    write("cgroups/outer/memory.max", "700\n");
    write("cgroups/outer/memory.current", "500\n");
    EXPECT_EQ(look(), 200U);
}

TEST_F(AvailableMemory, IgnoresACgroupWithoutALimit) {
    write("cgroups/outer/inner/memory.max", "max\n");
    write("cgroups/outer/inner/memory.current", "1000\n");
    EXPECT_EQ(look(), 1000U * 1024);
}

TEST_F(AvailableMemory, IsZeroInAFullCgroup) {
    write("cgroups/outer/inner/memory.max", "5000\n");
    write("cgroups/outer/inner/memory.current", "6000\n");
    EXPECT_EQ(look(), 0U);
}

TEST_F(AvailableMemory, CountsUnusedFilePagesOfACgroupAsFree) {
    write("cgroups/outer/inner/memory.max", "5000\n");
    write("cgroups/outer/inner/memory.current", "4500\n");
    write("cgroups/outer/inner/memory.stat", "anon 100\ninactive_file 3000\nactive_file 400\n");
    EXPECT_EQ(look(), 3500U);
}

TEST_F(AvailableMemory, FindsVersion2BesideVersion1) {
    std::filesystem::create_directories(path("cgroups/unified/outer"));
    write("cgroups/unified/outer/memory.max", "5000\n");
    write("cgroups/unified/outer/memory.current", "1000\n");
    EXPECT_EQ(look(), 4000U);
}

TEST_F(AvailableMemory, IsTheRoomLeftInACgroupOfVersion1) {
    std::filesystem::create_directories(path("cgroups/memory/job:1"));
    write("proc/self/cgroup", "5:cpu,cpuacct:/job:1\n4:memory:/job:1\n0::/\n");
    write("cgroups/memory/job:1/memory.limit_in_bytes", "5000\n");
    write("cgroups/memory/job:1/memory.usage_in_bytes", "4500\n");
    write("cgroups/memory/job:1/memory.stat", "inactive_file 1\ntotal_inactive_file 1500\n");
    EXPECT_EQ(look(), 2000U);
}

TEST(PeakMemory, IsSomething) { EXPECT_GT(peak_memory(), 0U); }

} // namespace
} // namespace cedana
