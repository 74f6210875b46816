// SPDX-License-Identifier: Apache-2.0
// Trees so small that CRIU writes their images into a folder in memory in place of streaming them: what comes of it is
// the same.
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/files.hpp"
#include "cedana/checkpoint/reader.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "support/wait.hpp"
#include "system/page_generations.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class ImageFolderOfATree : public System {
  protected:
    void stream_images() { options.environment["CEDANA_DUMP_FOLDER_MIB"] = "0"; }
};

// Of each image but those that hold times and what a call that was cut short has left behind: the CRC of its bytes.
std::map<std::string, std::uint32_t> sums_of(const fs::path& zip) {
    const std::set<std::string> k_changing = {"inventory", "timens", "core", "pages"};
    const Checkpoint checkpoint(zip, Keyring());
    std::map<std::string, std::uint32_t> sums;
    for (const ImageRecord& image : checkpoint.index().images)
        sums[image.name] = k_changing.contains(image.name.substr(0, image.name.find_first_of("-."))) ? 0 : image.crc;
    return sums;
}

std::vector<std::string> entries_of_zip(const fs::path& zip) {
    const ZipReader reader(zip);
    std::vector<std::string> names;
    for (const EntryInfo& entry : reader.entries())
        names.push_back(entry.name);
    return names;
}

TEST_F(ImageFolderOfATree, HoldsTheSameImagesAsAStream) {
    const fs::path ready = scratch("ready");
    const Target target({"/usr/bin/python3", "-c",
                         "import os, signal, sys\n"
                         "if os.fork() == 0:\n"
                         "    open(sys.argv[1], 'w').close()\n"
                         "while True:\n"
                         "    signal.pause()\n",
                         ready});
    wait_for_file(ready);
    const CedanaRun in_folder = dump(target.pid());
    stream_images();
    const CedanaRun streamed = dump(target.pid());
    ASSERT_EQ(in_folder.exit_code, 0) << in_folder.err;
    ASSERT_EQ(streamed.exit_code, 0) << streamed.err;
    EXPECT_EQ(entries_of_zip(only_line(in_folder.out)), entries_of_zip(only_line(streamed.out)));
    EXPECT_EQ(sums_of(only_line(in_folder.out)), sums_of(only_line(streamed.out)));
}

TEST_F(ImageFolderOfATree, IsOfOneMoment) {
    constexpr std::size_t k_kib = 8UL * 1024;
    const fs::path ready = scratch("ready");
    const Target target({target_program("generations"), std::to_string(k_kib), ready});
    wait_for_file(ready);
    for (int i = 0; i < 3; ++i) {
        const CedanaRun dumped = dump(target.pid());
        ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
        const auto generations = page_generations(only_line(dumped.out), k_kib / 4);
        EXPECT_EQ(std::ranges::count(generations, 0U), 0) << "pages that are not in the checkpoint";
        EXPECT_EQ(torn_pages(generations), 0U);
    }
}

// It has grown since its size was looked at.
TEST_F(ImageFolderOfATree, IsGivenUpForAStreamWhereItIsTooSmall) {
    const fs::path grown = scratch("grown");
    const fs::path ready = scratch("ready");
    Target target({"/usr/bin/python3", "-c",
                   "import signal, sys\n"
                   "kept = []\n"
                   "def grow(*_):\n"
                   "    kept.append(bytearray(b'x' * (64 << 20)))\n"
                   "    open(sys.argv[1], 'w').close()\n"
                   "signal.signal(signal.SIGUSR1, grow)\n"
                   "open(sys.argv[2], 'w').close()\n"
                   "while True:\n"
                   "    signal.pause()\n",
                   grown, ready});
    wait_for_file(ready);
    const fs::path hook = scratch("hook");
    replace_file(
        hook, "#!/bin/sh\nkill -USR1 $CEDANA_PID\nwhile ! [ -e " + grown.string() + " ]; do sleep 0.01; done\n", 0700);
    options.environment["CEDANA_ACTION_SCRIPTS_PRE_DUMP"] = hook;
    options.environment["CEDANA_ARCHIVE_BUFFER_MIB"] = "48";
    const CedanaRun run = dump(target.pid());
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "do not fit into the folder"));
    EXPECT_TRUE(target.runs());
    target.end();
    const CedanaRun verified = run_cedana({"client", "verify", only_line(run.out)}, options);
    EXPECT_EQ(verified.exit_code, 0) << verified.err;
}

} // namespace
} // namespace cedana::testing
