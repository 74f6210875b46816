// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/checkpoint/restore_needs.hpp"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include <sys/mman.h>

#include "support/made_checkpoint.hpp"
#include "unit/criu/image_bytes.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

using criu::testing::field;
using criu::testing::image;
using criu::testing::number;

std::string mapping(std::uint64_t bytes, int protection, unsigned flags) {
    constexpr std::uint64_t k_start = 0x10000;
    return field(14, field(1, k_start) + field(2, k_start + bytes) + field(3, 0) + field(4, 0) +
                         field(5, static_cast<unsigned>(protection)) + field(6, flags) + field(7, 1 | 1 << 9));
}

std::string ids(unsigned network) {
    return field(1, 1) + field(2, 1) + field(3, 1) + field(4, 1) + field(6, network) + field(9, 6);
}

class RestoreNeedsOf : public test::InTempFolder {
  protected:
    [[nodiscard]] RestoreNeeds read() const {
        testing::make_checkpoint(path("a.zip"), {.images = images});
        return read_restore_needs(Checkpoint(path("a.zip"), Keyring()));
    }
    void inventory(const std::string& host_ids) {
        const std::string message = field(3, host_ids);
        images["inventory.img"] = number(0x58313116) + number(static_cast<std::uint32_t>(message.size())) + message;
    }

    std::map<std::string, std::string> images = {
        {"pstree.img", image(0x50273030, {field(1, 42) + field(2, 0) + field(3, 42) + field(4, 42) + field(5, 42)})},
        {"ids-42.img", image(0x54432030, {ids(2)})}};
};

TEST_F(RestoreNeedsOf, ATreeOfTheHostAreTheHosts) {
    inventory(ids(2));
    EXPECT_FALSE(read().own_network);
}

TEST_F(RestoreNeedsOf, ATreeWithANetworkOfItsOwnAreItsOwn) {
    inventory(ids(3));
    const RestoreNeeds needs = read();
    EXPECT_TRUE(needs.own_network);
    EXPECT_FALSE(needs.own_mounts);
}

TEST_F(RestoreNeedsOf, AProcessWithALockNameTheFile) {
    images["files.img"] = image(0x56303138, {field(2, 7) + field(3, field(1, 7) + field(6, "/run/a.lock"))});
    images["fdinfo-1.img"] = image(0x56213732, {field(1, 7) + field(3, 1) + field(4, 900)});
    images["filelocks.img"] = image(0x54323616, {field(1, 2) + field(2, 1) + field(3, 42) + field(4, 900)});
    const RestoreNeeds needs = read();
    ASSERT_EQ(needs.locks.size(), 1U);
    EXPECT_EQ(needs.locks.front().path, "/run/a.lock");
    EXPECT_EQ(needs.highest.pid, 42);
    EXPECT_EQ(needs.highest.fd, 900);
}

TEST_F(RestoreNeedsOf, AFileThatLostItsNameAreTheNameThatItWasGiven) {
    images["files.img"] = image(0x56303138, {field(2, 7) + field(3, field(6, "/data/a")),
                                             field(2, 8) + field(3, field(6, "/data/link_remap.1")),
                                             field(2, 9) + field(3, field(6, "/data/b"))});
    images["remap-fpath.img"] = image(0x59133954, {field(1, 7) + field(2, 8)});
    const RestoreNeeds needs = read();
    EXPECT_EQ(needs.links, (std::vector<std::string>{"/data/link_remap.1"}));
    ASSERT_EQ(needs.files.size(), 1U);
    EXPECT_EQ(needs.files.front().path, "/data/b");
}

TEST_F(RestoreNeedsOf, MemoryAreWhatTheKernelMustPromise) {
    constexpr std::uint64_t k_huge = 1UL << 21;
    images["mm-42.img"] = image(0x57492820, {mapping(0x1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS) +
                                             mapping(0x3000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE) +
                                             mapping(0x5000, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS) +
                                             mapping(0x7000, PROT_READ | PROT_WRITE, MAP_SHARED) +
                                             mapping(k_huge, PROT_READ, MAP_PRIVATE | MAP_HUGETLB | 21U << 26U)});
    const NeededMemory memory = read().memory;
    EXPECT_EQ(memory.committed, 0x4000U);
    EXPECT_EQ(memory.largest, 0x1000U);
    EXPECT_EQ(memory.huge, (std::map<std::uint64_t, std::uint64_t>{{k_huge, k_huge}}));
}

TEST_F(RestoreNeedsOf, MappingsAreWhatIsOpenedForThem) {
    const auto mapped = [](std::uint64_t object, unsigned kind) {
        return field(14, field(1, 0x1000) + field(2, 0x2000) + field(4, object) + field(7, 1 | kind));
    };
    constexpr unsigned k_file = 1 << 6;
    constexpr unsigned k_shared = 1 << 8;
    images["mm-42.img"] = image(0x57492820, {mapped(7, k_file) + mapped(7, k_file) + mapped(8, k_file) +
                                             mapped(7, k_file) + mapped(1, k_shared) + mapped(1, k_shared) +
                                             mapping(0x1000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS)});
    images["fdinfo-1.img"] = image(0x56213732, {field(1, 7) + field(3, 1) + field(4, 900)});
    const NeededOpenFiles open = read().open_files;
    EXPECT_EQ(open.pid, 42);
    EXPECT_EQ(open.descriptors, 1U);
    EXPECT_EQ(open.mappings, 5U);
}

// What a control group is charged for, at the least.
TEST_F(RestoreNeedsOf, MemoryAreItsPagesButThoseThatAParentHasToo) {
    const auto pages = [](std::uint64_t start, std::uint64_t count) {
        return image(0x56084025, {field(1, 1), field(1, start) + field(5, count) + field(4, 4)});
    };
    images["pstree.img"] =
        image(0x50273030, {field(1, 42) + field(2, 0) + field(3, 42) + field(4, 42) + field(5, 42),
                           field(1, 43) + field(2, 42) + field(3, 42) + field(4, 42) + field(5, 43)});
    images["mm-42.img"] =
        image(0x57492820, {mapping(0x8000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED)});
    images["pagemap-42.img"] = pages(0x10000, 3);
    images["mm-43.img"] = image(0x57492820, {mapping(0x8000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS)});
    images["pagemap-43.img"] = pages(0x11000, 4);
    const NeededMemory memory = read().memory;
    EXPECT_EQ(memory.locked, 0x5000U);
    EXPECT_EQ(memory.charged, 0x8000U + 0x2000U);
}

TEST_F(RestoreNeedsOf, AConnectionWhoseEndsHaveClosedAreAConnection) {
    images["files.img"] = image(
        0x56303138, {field(2, 7) + field(4, field(3, 2) + field(4, 1) + field(5, 6) + field(6, 7) + field(8, 80))});
    EXPECT_TRUE(has_connections(read()));
}

// Of a terminal: its number, who is in its foreground, and whether it gives lines.
std::string terminal(unsigned pts, unsigned group, bool lines) {
    constexpr unsigned k_icanon = 2;
    return field(1, 6) + field(2, 1) + field(7, group) + field(9, field(4, lines ? k_icanon : 0)) +
           field(12, field(1, pts));
}

TEST_F(RestoreNeedsOf, AnEditorInTheForegroundAreSingleKeys) {
    images["tty-info.img"] = image(0x59453036, {terminal(3, 42, false)});
    EXPECT_TRUE(read().had_single_keys);
}

TEST_F(RestoreNeedsOf, AProgramThatTookLinesAreNoSingleKeys) {
    images["tty-info.img"] = image(0x59453036, {terminal(3, 42, true)});
    EXPECT_FALSE(read().had_single_keys);
}

TEST_F(RestoreNeedsOf, AProgramBehindItsShellAreNoSingleKeys) {
    images["tty-info.img"] = image(0x59453036, {terminal(3, 7, false)});
    EXPECT_FALSE(read().had_single_keys);
}

TEST_F(RestoreNeedsOf, AProgramWithATerminalOfItsOwnAreNoSingleKeys) {
    images["tty-info.img"] = image(0x59453036, {terminal(3, 42, false), terminal(3, 42, false)});
    EXPECT_FALSE(read().had_single_keys);
}

TEST_F(RestoreNeedsOf, NothingAreNothing) {
    images = {{"pages-1.img", "p"}};
    EXPECT_TRUE(read().tree.empty());
}

TEST_F(RestoreNeedsOf, ADamagedImageAreRefused) {
    images["files.img"] = "not an image";
    EXPECT_THROW(static_cast<void>(read()), Error);
}

TEST(PidsOfEndedLeaders, AreGroupsAndSessionsThatNobodyOfTheTreeHasAsPid) {
    EXPECT_EQ(pids_of_ended_leaders({{.pid = 42, .group = 42, .session = 42, .threads = {42, 44}},
                                     {.pid = 43, .group = 50, .session = 42},
                                     {.pid = 45, .group = 44, .session = 60}},
                                    false),
              (std::vector<pid_t>{50, 60}));
}

TEST(PidsOfEndedLeaders, AreNotThoseOfTheShellThatRestoresIt) {
    const std::vector<criu::DumpedProcess> tree = {{.pid = 42, .group = 41, .session = 40},
                                                   {.pid = 43, .group = 41, .session = 40}};
    EXPECT_TRUE(pids_of_ended_leaders(tree, true).empty());
    EXPECT_EQ(pids_of_ended_leaders(tree, false), (std::vector<pid_t>{40, 41}));
}

} // namespace
} // namespace cedana
