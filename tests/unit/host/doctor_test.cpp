// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/host/doctor.hpp"
#include "cedana/host/kernel_checks.hpp"
#include "cedana/host/store_check.hpp"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

constexpr std::uint64_t k_all = ~std::uint64_t{0};

ProcessStatus status_of(unsigned uid, std::uint64_t capabilities) {
    ProcessStatus status;
    status.uid.effective = uid;
    status.effective_capabilities = capabilities;
    return status;
}

const Requirement& named(const std::vector<Requirement>& all, const std::string& name) {
    for (const Requirement& one : all)
        if (one.name == name)
            return one;
    throw std::out_of_range(name);
}

TEST(Privileges, OfRootWithEverythingAreGood) {
    for (const Requirement& one : check_privileges(status_of(0, k_all)))
        EXPECT_EQ(one.standing, Standing::good) << one.name;
}

TEST(Privileges, OfAUserAreBadAndSudoIsTheRemedy) {
    const auto found = check_privileges(status_of(1000, 0));
    EXPECT_FALSE(can_work(found));
    EXPECT_EQ(named(found, "root").remedy, "run it with sudo");
}

TEST(Privileges, OfRootWithoutACapabilityThatEveryDumpNeedsAreBadAndNameIt) {
    const auto found = check_privileges(status_of(0, k_all & ~(1ULL << CAP_SYS_PTRACE)));
    EXPECT_FALSE(can_work(found));
    EXPECT_NE(named(found, "root").found.find("CAP_SYS_PTRACE"), std::string::npos);
}

TEST(Privileges, OfRootWithoutOneThatSomeDumpsNeedAreDoubtful) {
    const auto found = check_privileges(status_of(0, k_all & ~(1ULL << CAP_SYS_RESOURCE)));
    EXPECT_TRUE(can_work(found));
    EXPECT_EQ(named(found, "CAP_SYS_RESOURCE").standing, Standing::doubtful);
    EXPECT_EQ(named(found, "CAP_SYS_RESOURCE").permanent, "start the container with --cap-add=SYS_RESOURCE");
}

using OfAHost = test::InTempFolder;

TEST_F(OfAHost, TracingIsBadWhereYamaForbidsItToEverybody) {
    std::filesystem::create_directories(path("kernel/yama"));
    write("kernel/yama/ptrace_scope", "3\n");
    EXPECT_EQ(check_tracing(path("")).standing, Standing::bad);
    write("kernel/yama/ptrace_scope", "1\n");
    EXPECT_EQ(check_tracing(path("")).standing, Standing::good);
}

TEST_F(OfAHost, TracingIsGoodWithoutYama) { EXPECT_EQ(check_tracing(path("")).standing, Standing::good); }

TEST_F(OfAHost, CgroupsAreFoundInBothVersionsAndMissed) {
    EXPECT_EQ(check_cgroups(path("")).standing, Standing::doubtful);
    std::filesystem::create_directories(path("memory"));
    EXPECT_NE(check_cgroups(path("")).found.find("version 1"), std::string::npos);
    write("cgroup.controllers", "memory");
    EXPECT_NE(check_cgroups(path("")).found.find("version 2"), std::string::npos);
}

TEST_F(OfAHost, AStoreThatIsMissingIsBadWithTheCommandThatMakesIt) {
    const Requirement found =
        check_store({.name = "store", .setting = "shared_storage.dump_storage_dir", .folder = path("absent")});
    EXPECT_EQ(found.standing, Standing::bad);
    EXPECT_EQ(found.remedy, "create it: mkdir -p " + path("absent").string());
}

TEST_F(OfAHost, AMountPointWithNothingMountedIsDoubtful) {
    std::filesystem::create_directories(path("mnt"));
    const Requirement found = check_store({.name = "mount point",
                                           .setting = "shared_storage.mount_point",
                                           .folder = path("mnt"),
                                           .is_mount_point = true});
    EXPECT_EQ(found.standing, Standing::doubtful);
    EXPECT_NE(found.found.find("nothing is mounted there"), std::string::npos);
}

// In a mount namespace of its own.
TEST_F(OfAHost, AMountPointMayBeABindMount) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root, to mount";
    std::filesystem::create_directories(path("mnt"));
    std::filesystem::create_directories(path("shared"));
    const std::string told = call_as_user(0, 0, [&] {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount(path("shared").c_str(), path("mnt").c_str(), nullptr, MS_BIND, nullptr) != 0)
            return std::string("cannot mount");
        return check_store({.name = "mount point",
                            .setting = "shared_storage.mount_point",
                            .folder = path("mnt"),
                            .is_mount_point = true})
            .found;
    });
    EXPECT_NE(told.find(": writable, "), std::string::npos) << told;
    EXPECT_EQ(told.find("nothing is mounted there"), std::string::npos) << told;
}

TEST_F(OfAHost, TheSpeedOfAStoreIsMeasuredAndNothingStays) {
    const auto speed = write_speed(path(""));
    ASSERT_TRUE(speed);
    EXPECT_GT(*speed, 0);
    EXPECT_TRUE(std::filesystem::is_empty(path("")));
}

} // namespace
} // namespace cedana
