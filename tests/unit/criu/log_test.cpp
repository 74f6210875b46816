// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/log.hpp"

#include <fstream>
#include <string>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

using Log = test::InTempFolder;

// Sparse, but for its first and its last line.
std::filesystem::path write_large_log(const std::filesystem::path& path) {
    constexpr std::uint64_t k_size = 80UL * 1024 * 1024;
    const std::string last = "Error (criu/cr-dump.c:2128): Dumping FAILED.\n";
    std::ofstream(path) << "(00.000001) CRIU run id = 4711\n";
    std::filesystem::resize_file(path, k_size - last.size());
    std::ofstream(path, std::ios::app) << last;
    return path;
}

TEST_F(Log, ThatIsSmallIsReadWhole) {
    EXPECT_EQ(read_log(write("dump.log", "one\ntwo\n")), "one\ntwo\n");
    EXPECT_EQ(read_log_head(path("dump.log")), "one\ntwo\n");
}

TEST_F(Log, ThatIsMissingIsEmpty) {
    EXPECT_EQ(read_log(path("dump.log")), "");
    EXPECT_EQ(read_log_head(path("dump.log")), "");
}

TEST_F(Log, OfAnySizeNamesItsRun) {
    const auto log = write_large_log(path("dump.log"));
    EXPECT_TRUE(read_log_head(log).starts_with("(00.000001) CRIU run id = 4711\n"));
    EXPECT_LE(read_log_head(log).size(), 64U * 1024);
}

TEST_F(Log, AboveTheLimitIsReadAtBothEnds) {
    const std::string text = read_log(write_large_log(path("dump.log")));
    EXPECT_TRUE(text.starts_with("(00.000001) CRIU run id = 4711\n"));
    EXPECT_TRUE(text.ends_with("Dumping FAILED.\n"));
    EXPECT_NE(text.find("\n... 16777216 bytes are left out ...\n"), std::string::npos);
    EXPECT_LT(text.size(), 65U * 1024 * 1024);
}

} // namespace
} // namespace cedana
