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

TEST(PeakMemory, IsSomething) { EXPECT_GT(peak_memory(), 0U); }

} // namespace
} // namespace cedana
