// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/memory_limits.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <unistd.h>

#include "unit/process/fake_proc.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t k_mebi = 1024UL * 1024;

class AMemoryLimit : public test::InTempFolder {
  protected:
    // Of a process in a group, this much of which is swapped out.
    std::vector<MemoryLimit> limits(const std::string& cgroups, std::uint64_t swapped) {
        const pid_t pid = 4242;
        proc.add({.pid = pid});
        proc.write(pid, "cgroup", cgroups);
        ProcessStatus status;
        status.memory.swapped = swapped;
        ProcessTree tree;
        tree.processes.push_back({.handle = ProcessHandle::open(Procfs(), ::getpid()),
                                  .stat = {},
                                  .status = status,
                                  .executable = {},
                                  .command_line = {},
                                  .threads = {pid}});
        proc.write(::getpid(), "cgroup", cgroups);
        return memory_limits(proc.procfs(), tree, {.version_1 = path("1"), .version_2 = path("2")});
    }
    void set(const std::string& file, const std::string& value) const {
        fs::create_directories(path(file).parent_path());
        write(file, value + "\n");
    }
    void set_version_1(const std::string& limit, const std::string& usage) const {
        set("1/a/memory.limit_in_bytes", limit);
        set("1/a/memory.memsw.limit_in_bytes", "400000000");
        set("1/a/memory.usage_in_bytes", usage);
    }

    testing::FakeProc proc;
};

TEST_F(AMemoryLimit, OfVersion1IsRaisedBehindThatOfBothTogether) {
    set_version_1("300000000", "299000000");
    const auto found = limits("4:memory:/a\n0::/\n", 100 * k_mebi);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(found[0].is_short());
    EXPECT_TRUE(found[0].is_deadly());
    EXPECT_GT(found[0].needed, 100 * k_mebi);
    ASSERT_EQ(found[0].files.size(), 2U);
    EXPECT_EQ(found[0].files[0].path.filename(), "memory.memsw.limit_in_bytes");
    EXPECT_EQ(found[0].files[1].value, "300000000");
    EXPECT_EQ(found[0].files[1].wanted, std::to_string(300000000 + found[0].needed));
}

TEST_F(AMemoryLimit, OfVersion2IsFoundAboveTheGroupToo) {
    set("2/slice/memory.max", "300000000");
    set("2/slice/memory.current", "299000000");
    set("2/slice/service/memory.max", "max");
    set("2/slice/service/memory.current", "299000000");
    const auto found = limits("0::/slice/service\n", 0);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].group, path("2/slice"));
    EXPECT_EQ(found[0].files.at(0).path.filename(), "memory.max");
}

TEST_F(AMemoryLimit, ThatIsFarAwayIsNotShort) {
    set_version_1("300000000", "100000000");
    EXPECT_FALSE(limits("4:memory:/a\n", 10 * k_mebi).at(0).is_short());
}

TEST_F(AMemoryLimit, ThatPageCacheFillsIsNotDeadly) {
    set_version_1("300000000", "299000000");
    set("1/a/memory.stat", "cache 200000000\ntotal_inactive_file 150000000\ntotal_active_file 50000000");
    const auto found = limits("4:memory:/a\n", 10 * k_mebi);
    EXPECT_TRUE(found.at(0).is_short());
    EXPECT_FALSE(found.at(0).is_deadly());
}

TEST_F(AMemoryLimit, ThatIsNoneIsNotFound) {
    set_version_1("9223372036854771712", "299000000");
    EXPECT_TRUE(limits("4:memory:/a\n", 0).empty());
    EXPECT_TRUE(limits("4:memory:/\n", 0).empty());
}

TEST(MemoryHierarchies, AreWhereTheTopOfAControllerIsMounted) {
    const MemoryHierarchies found =
        memory_hierarchies("30 20 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                           "31 20 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                           "32 20 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    EXPECT_EQ(found.version_1, "/sys/fs/cgroup/memory");
    EXPECT_EQ(found.version_2, "/sys/fs/cgroup/unified");
}

TEST_F(AMemoryLimit, LeavesWhatIsFreeToATreeThatComesBack) {
    set_version_1("300000000", "299000000");
    set("1/a/memory.stat", "total_inactive_file 90000000\ntotal_active_file 10000000\n");
    const MemoryHierarchies where{.version_1 = path("1"), .version_2 = path("2")};
    const auto found = memory_rooms("4:memory:/a/b\n0::/\n", where, 0);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].group, path("1") / fs::path("a"));
    EXPECT_EQ(found[0].file.filename(), "memory.limit_in_bytes");
    EXPECT_EQ(found[0].free, 101000000U);
    // That of both together is 400,000,000, and nothing says how much of that is used.
    EXPECT_EQ(memory_rooms("4:memory:/a\n", where, 50000000)[0].free, 151000000U);
    set("1/a/memory.memsw.usage_in_bytes", "380000000");
    EXPECT_EQ(memory_rooms("4:memory:/a\n", where, 50000000)[0].free, 120000000U);
    EXPECT_TRUE(memory_rooms("4:memory:/\n0::/\n", where, 0).empty());
}

TEST_F(AMemoryLimit, ThatLeavesLeastIsTheFirst) {
    for (const char* const group : {"2/slice", "2/slice/service"}) {
        set(std::string(group) + "/memory.max", group == std::string("2/slice") ? "100000000" : "300000000");
        set(std::string(group) + "/memory.current", "60000000");
        set(std::string(group) + "/memory.swap.max", "10000000");
        set(std::string(group) + "/memory.swap.current", "4000000");
    }
    const auto found = memory_rooms("0::/slice/service\n", {.version_2 = path("2")}, 1000000000);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].group.filename(), "slice");
    EXPECT_EQ(found[0].free, 46000000U);
    EXPECT_EQ(found[0].file.filename(), "memory.max");
}

} // namespace
} // namespace cedana
