// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/units.hpp"
#include "cedana/undo/trial_cgroup.hpp"

#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

#include <unistd.h>

namespace cedana {
namespace {

namespace fs = std::filesystem;

using Places = std::vector<fs::path>;

TEST(TrialCgroup, IsWhereMemoryIsGivenOut) {
    EXPECT_EQ(trial_cgroup_places("29 22 0:25 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n"),
              Places{"/sys/fs/cgroup"});
    EXPECT_EQ(trial_cgroup_places("30 29 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
                                  "31 29 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                  "32 29 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"),
              (Places{"/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"}));
    EXPECT_EQ(trial_cgroup_places("29 22 0:25 /docker/4711 /sys/fs/cgroup ro - cgroup2 cgroup rw\n"), Places());
}

TEST(TrialCgroup, IsGoneWhenItIsNotNeeded) {
    fs::path folder;
    {
        const auto group = TrialCgroup::make(64 * k_mib);
        if (!group)
            GTEST_SKIP() << "no control group with a memory limit can be made here";
        folder = group->processes().parent_path();
        EXPECT_TRUE(fs::exists(folder));
        EXPECT_FALSE(group->ran_out());
        // It is not that of a cedana that is gone.
        EXPECT_EQ(remove_abandoned_trial_cgroups(), Places());
    }
    EXPECT_FALSE(fs::exists(folder));
}

TEST(TrialCgroup, OfAKilledCedanaIsRemoved) {
    const auto group = TrialCgroup::make(64 * k_mib);
    if (!group)
        GTEST_SKIP() << "no control group with a memory limit can be made here";
    // Nobody has this pid (/proc/sys/kernel/pid_max).
    const fs::path left = group->processes().parent_path().parent_path() / "cedana-trial.4194304.1";
    fs::create_directory(left);
    EXPECT_EQ(remove_abandoned_trial_cgroups(), Places{left});
    EXPECT_FALSE(fs::exists(left));
}

} // namespace
} // namespace cedana
