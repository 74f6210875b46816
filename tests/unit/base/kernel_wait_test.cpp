// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/kernel_wait.hpp"
#include "cedana/base/unique_fd.hpp"

#include <array>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include <unistd.h>

namespace cedana {
namespace {

TEST(KernelWait, NamesTheDescriptorThatIsReadFrom) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const UniqueFd from(ends[0]);
    const UniqueFd to(ends[1]);
    const ChildProcess cat = ChildProcess::spawn({.argv = {"cat"}, .fds = {{from.get(), 0}}});
    KernelWait wait;
    for (int tries = 0; tries < 6000 && (wait.state != 'S' || wait.file.empty()); ++tries) {
        wait = kernel_wait(cat.pid(), cat.pid());
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(wait.state, 'S');
    EXPECT_TRUE(wait.file.starts_with("pipe:[")) << wait.file;
    EXPECT_TRUE(wait.text().ends_with(" for " + wait.file)) << wait.text();
    EXPECT_FALSE(wait.is_for_storage());
}

// What is in flight, and for how long, is not.
TEST(DiskWork, IsWhatADeviceHasFinished) {
    EXPECT_EQ(finished_work("    1100      86    99528     325     7005    16124   185040    24102        3    "
                            "8012    24427       11        0        8        0      402     1\n"),
              "1100 7005 11 402 ");
    EXPECT_EQ(finished_work(" 1 2 3 4 5 6 7 8 9 10 11"), "1 5 ");
    EXPECT_EQ(finished_work(""), "");
}

TEST(DiskWork, IsNoneWhereThereIsNoDevice) { EXPECT_EQ(disk_work("/proc/self/status"), ""); }

TEST(KernelWait, OfNobodyIsNothing) {
    const KernelWait wait = kernel_wait(0x3fffffff, 0x3fffffff);
    EXPECT_EQ(wait.state, 0);
    EXPECT_EQ(hung_threads(0x3fffffff), "");
}

} // namespace
} // namespace cedana
