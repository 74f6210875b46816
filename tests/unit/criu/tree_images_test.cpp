// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/tree_images.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;

TEST(TreeImage, HasProcessesWithTheirGroupsAndSessions) {
    const auto tree = parse_tree(testing::image(
        0x50273030, {field(1, 42) + field(2, 0) + field(3, 41) + field(4, 40) + field(5, 42) + field(5, 43)}));
    ASSERT_EQ(tree.size(), 1U);
    EXPECT_EQ(tree.front().pid, 42);
    EXPECT_EQ(tree.front().group, 41);
    EXPECT_EQ(tree.front().session, 40);
    EXPECT_EQ(tree.front().threads, (std::vector<pid_t>{42, 43}));
}

TEST(TreeImage, TellsWhichNamespacesWereTheHosts) {
    const std::string ids = field(1, 1) + field(2, 9) + field(3, 1) + field(4, 1) + field(6, 2) + field(9, 6);
    const KernelIds own = parse_ids(testing::image(0x54432030, {ids}));
    EXPECT_EQ(own.files, 9U);
    EXPECT_EQ(own.network, 2U);
    EXPECT_EQ(own.mounts, 6U);
    // An inventory has one magic number.
    const std::string inventory = field(3, ids);
    const KernelIds host = parse_host_ids(testing::number(0x58313116) +
                                          testing::number(static_cast<std::uint32_t>(inventory.size())) + inventory);
    EXPECT_EQ(host.network, 2U);
}

TEST(TreeImage, HasWhatItsClocksShowed) {
    const auto image_of = [](std::uint64_t seconds) {
        return testing::image(0x43114433,
                              {field(1, field(1, seconds) + field(2, 500)) + field(2, field(1, 12) + field(2, 7))});
    };
    const DumpedClocks clocks = parse_clocks(image_of(10));
    EXPECT_EQ(clocks.monotonic, std::chrono::seconds(10) + std::chrono::nanoseconds(500));
    EXPECT_EQ(clocks.boottime, std::chrono::seconds(12) + std::chrono::nanoseconds(7));
    EXPECT_THROW(static_cast<void>(parse_clocks(image_of(std::uint64_t{1} << 62))), Error);
}

TEST(TreeImage, HasDescriptorsByTheirNumbers) {
    const auto descriptors = parse_descriptors(testing::image(
        0x56213732, {field(1, 26) + field(2, 0) + field(3, 1) + field(4, 0), field(1, 33) + field(4, 900)}));
    EXPECT_EQ(descriptors, (std::map<int, std::uint64_t>{{0, 26}, {900, 33}}));
}

TEST(TreeImage, HasTerminalsWithWhoHasTheirKeys) {
    constexpr unsigned k_lines = 0x8a3b;
    constexpr unsigned k_single_keys = 0x8a31;
    const auto terminal = [](const std::string& more) {
        return field(1, 6) + field(2, 1) + field(6, 40) + field(7, 42) + more;
    };
    const auto terminals = parse_terminals(
        testing::image(0x59453036, {terminal(field(9, field(1, 1) + field(4, k_lines)) + field(12, field(1, 3))),
                                    terminal(field(9, field(4, k_single_keys))), terminal("")}));
    ASSERT_EQ(terminals.size(), 3U);
    EXPECT_EQ(terminals[0].number, 3U);
    EXPECT_EQ(terminals[0].foreground_group, 42);
    EXPECT_FALSE(terminals[0].gives_single_keys);
    EXPECT_EQ(terminals[1].number, std::nullopt);
    EXPECT_TRUE(terminals[1].gives_single_keys);
    EXPECT_FALSE(terminals[2].gives_single_keys);
}

TEST(TreeImage, HasLocksOfEachKind) {
    const auto lock = [](unsigned flag, unsigned type) {
        return field(1, flag) + field(2, type) + field(3, 42) + field(4, 8) + field(5, 10) + field(6, 5);
    };
    // The last is of a kind that nobody knows.
    const auto locks =
        parse_file_locks(testing::image(0x54323616, {lock(1, 0), lock(2, 1), lock(4, 1), lock(8, 1 | 4), lock(16, 1)}));
    ASSERT_EQ(locks.size(), 4U);
    EXPECT_EQ(locks[0].kind, LockKind::posix);
    EXPECT_FALSE(locks[0].is_exclusive);
    EXPECT_EQ(locks[0].pid, 42);
    EXPECT_EQ(locks[0].fd, 8);
    EXPECT_EQ(locks[0].start, 10U);
    EXPECT_EQ(locks[0].length, 5U);
    EXPECT_EQ(locks[1].kind, LockKind::flock);
    EXPECT_TRUE(locks[1].is_exclusive);
    EXPECT_EQ(locks[2].kind, LockKind::ofd);
    EXPECT_EQ(locks[3].kind, LockKind::lease);
    EXPECT_TRUE(locks[3].is_exclusive);
}

TEST(TreeImage, OfAnotherKindIsRefused) {
    EXPECT_THROW(static_cast<void>(parse_tree(testing::image(0x54323616, {}))), Error);
}

} // namespace
} // namespace cedana::criu
