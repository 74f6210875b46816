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

TEST(KernelWait, OfNobodyIsNothing) {
    const KernelWait wait = kernel_wait(0x3fffffff, 0x3fffffff);
    EXPECT_EQ(wait.state, 0);
    EXPECT_EQ(hung_threads(0x3fffffff), "");
}

} // namespace
} // namespace cedana
