// SPDX-License-Identifier: Apache-2.0
// A program that is left running writes to its memory while cedana still reads what CRIU has handed over by reference:
// none of that may be in the checkpoint.
#include <algorithm>

#include "support/wait.hpp"
#include "system/page_generations.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class TornCheckpoint : public System {
  protected:
    // Dumps a program of this size again and again.
    void expect_every_dump_to_be_of_one_moment(int dumps, std::size_t kib) const {
        const fs::path ready = scratch("ready");
        const Target target({target_program("generations"), std::to_string(kib), ready});
        wait_for_file(ready);
        for (int i = 0; i < dumps; ++i)
            expect_of_one_moment(dump(target.pid()), kib);
    }

  private:
    static void expect_of_one_moment(const CedanaRun& dumped, std::size_t kib) {
        ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
        const fs::path zip = only_line(dumped.out);
        const auto generations = page_generations(zip, kib / 4);
        EXPECT_EQ(std::ranges::count(generations, 0U), 0) << "pages that are not in the checkpoint";
        EXPECT_EQ(torn_pages(generations), 0U);
        fs::remove(zip);
    }
};

TEST_F(TornCheckpoint, IsNotMadeByAReaderAtFullSpeed) {
    options.environment["CEDANA_ARCHIVE_COMPRESSION"] = "none";
    expect_every_dump_to_be_of_one_moment(8, 128UL * 1024);
}

// Memory for a part of the tree, and compression that takes longer for a pipe's content than CRIU for all that follows
// the pages: when CRIU is done, what goes beyond the last whole frame (here half of one) is still in the pipe, and
// would be written to if the tree ran on.
TEST_F(TornCheckpoint, IsNotMadeByAReaderThatWaitsForMemory) {
    options.environment["CEDANA_ARCHIVE_BUFFER_MIB"] = "16";
    options.environment["CEDANA_ARCHIVE_THREADS"] = "1";
    options.environment["CEDANA_ARCHIVE_LEVEL"] = "12";
    expect_every_dump_to_be_of_one_moment(4, 20UL * 1024 + 512);
}

} // namespace
} // namespace cedana::testing
