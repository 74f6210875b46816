// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/lazy/transfers.hpp"

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

using Transfers = test::InTempFolder;

TEST_F(Transfers, AreReadAsTheyWereWritten) {
    const std::filesystem::path folder = path("transfer");
    std::filesystem::create_directory(folder);
    const LazyTransfer written{
        .pid = 42,
        .name = "redis",
        .container = "web",
        .checkpoint = "/a.zip",
        .progress = {.tree_goes_on = true, .bytes_total = 10, .bytes_left = 4, .pages_wanted = 2},
        .failure = "why",
        .server = 43};
    write_transfer(folder, written);
    const auto read = parse_transfer(read_file(folder / k_transfer_file));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->pid, 42);
    EXPECT_EQ(read->name, "redis");
    EXPECT_EQ(read->container, "web");
    EXPECT_EQ(read->checkpoint, "/a.zip");
    EXPECT_TRUE(read->progress.tree_goes_on);
    EXPECT_EQ(served(read->progress), 6U);
    EXPECT_EQ(read->progress.pages_wanted, 2U);
    EXPECT_EQ(read->failure, "why");
    EXPECT_EQ(read->server, 43);
}

TEST_F(Transfers, ThatAreNoneAreAbsent) {
    for (const char* text : {"", "{}", "[]", "{\"pid\": \"x\"}"})
        EXPECT_FALSE(parse_transfer(text)) << text;
}

TEST(ServedBytes, AreNeverLessThanNoneWhenChildrenMakeMoreCome) {
    EXPECT_EQ(served({.bytes_total = 10, .bytes_left = 15}), 0U);
}

TEST_F(Transfers, AreSeenInTheMappingsOfAProcess) {
    const std::filesystem::path process = path("proc/42");
    std::filesystem::create_directories(process);
    const std::string mapping = "00400000-00401000 r--p 00000000 fe:00 1 /bin/sleep um\nSize: 4 kB\n";
    write("proc/42/smaps", mapping + "VmFlags: rd mr mw me sd \n");
    EXPECT_FALSE(lacks_memory(Procfs(path("proc")), 42));
    write("proc/42/smaps", mapping + "VmFlags: rd mr mw me sd \n" + mapping + "VmFlags: rd wr mr mw me ac um sd");
    EXPECT_TRUE(lacks_memory(Procfs(path("proc")), 42));
    EXPECT_FALSE(lacks_memory(Procfs(path("proc")), 43));
}

} // namespace
} // namespace cedana
