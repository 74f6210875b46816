// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/own_cgroup.hpp"
#include "cedana/base/unique_fd.hpp"

#include <exception>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana::criu {
namespace {

using Paths = std::vector<std::filesystem::path>;

struct Case {
    const char* name;
    const char* mountinfo;
    Paths places;
};

const std::vector<Case> k_cases = {
    {"Version2",
     "29 22 0:25 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
     {"/sys/fs/cgroup"}},
    {"SystemdOfVersion1",
     "30 29 0:26 / /sys/fs/cgroup/systemd rw shared:10 - cgroup cgroup rw,xattr,name=systemd\n"
     "31 29 0:27 / /sys/fs/cgroup/memory rw shared:11 - cgroup cgroup rw,memory\n"
     "32 29 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct\n",
     {"/sys/fs/cgroup/systemd"}},
    {"Both",
     "30 29 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
     "31 29 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n",
     {"/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"}},
    {"APartOfAHierarchy", "29 22 0:25 /docker/4711 /sys/fs/cgroup ro - cgroup2 cgroup rw\n", {}},
    {"OtherFileSystems",
     "22 1 8:1 / / rw - ext4 /dev/root rw\n"
     "23 22 0:21 / /cgroup2 rw - tmpfs name=systemd rw\n",
     {}},
    {"Nothing", "", {}},
    {"CutLines", "29 22 0:25 /\n - cgroup2\n", {}},
};

class OwnCgroupPlaces : public ::testing::TestWithParam<Case> {};

TEST_P(OwnCgroupPlaces, AreTopsOfHierarchiesByWhichProcessesAreEnded) {
    EXPECT_EQ(own_cgroup_places(GetParam().mountinfo), GetParam().places);
}

INSTANTIATE_TEST_SUITE_P(Table, OwnCgroupPlaces, ::testing::ValuesIn(k_cases),
                         [](const auto& one) { return std::string(one.param.name); });

// In a child, which sees an empty /proc.
TEST(OwnCgroup, IsDoneWithoutWhenTheMountsCannotBeRead) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    const pid_t child = ::fork();
    if (child == 0) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", "/proc", "tmpfs", 0, nullptr) != 0)
            ::_exit(2);
        try {
            const OwnCgroup cgroup(::getpid());
        } catch (const std::exception&) {
            ::_exit(1);
        }
        ::_exit(0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

// The first process of a pid namespace of its own, which is in such a group until `leave` ends.
[[noreturn]] void stay_in_group_of_another_namespace(const UniqueFd& there, const UniqueFd& leave) {
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        ::_exit(2);
    const pid_t first = ::fork();
    if (first != 0) {
        int status = 0;
        ::waitpid(first, &status, 0);
        ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    if (::mount("proc", "/proc", "proc", 0, nullptr) != 0)
        ::_exit(2);
    {
        const OwnCgroup group(::getpid());
        char byte = group.folders().empty() ? 'n' : 'y';
        [[maybe_unused]] ssize_t count = ::write(there.get(), &byte, 1);
        count = ::read(leave.get(), &byte, 1);
    }
    ::_exit(0);
}

// Its maker has a pid that here is another process, or none.
TEST(OwnCgroup, OfAnotherPidNamespaceIsLeftAlone) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    Pipe there = make_pipe();
    Pipe leave = make_pipe();
    const pid_t child = ::fork();
    if (child == 0) {
        leave.write_end.reset();
        stay_in_group_of_another_namespace(there.write_end, leave.read_end);
    }
    there.write_end.reset();
    char byte = 'n';
    [[maybe_unused]] const ssize_t count = ::read(there.read_end.get(), &byte, 1);
    if (byte == 'y') {
        EXPECT_EQ(remove_abandoned_cgroups(), Paths());
    }
    leave.write_end.reset();
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    // It was not ended.
    EXPECT_EQ(status, 0);
    if (byte != 'y')
        GTEST_SKIP() << "no control group of its own can be made here";
}

} // namespace
} // namespace cedana::criu
