// SPDX-License-Identifier: Apache-2.0
// What a program writes when it is asked to prepare for its dump is in the checkpoint, and comes back with it.
#include "cedana/base/files.hpp"
#include "cedana/checkpoint/reader.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <sys/stat.h>

#include "support/wait.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class SavedFiles : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        if (IsSkipped() || HasFatalFailure())
            return;
        require_program("/usr/bin/python3", "python3");
        options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_PRE_DUMP"] = "true";
        options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_TIMEOUT"] = "3600";
        options.environment["CEDANA_CLIENT_SIGNAL_PROCESS_DONE_FILE"] = data() / "done";
        fs::create_directories(data());
        target.emplace(std::vector<std::string>{"/usr/bin/python3", script("saves.py"), data()});
        wait_for_lines(data() / "log", k_few_steps);
    }
    [[nodiscard]] fs::path data() const { return fs::canonical(folder()) / "data"; }
    static std::map<std::string, std::string> texts_in(const fs::path& place) {
        std::map<std::string, std::string> texts;
        for (const std::string& name : names_in(place))
            if (name != "log")
                texts[name] = read_file(place / name);
        return texts;
    }
    void remove_all_but_the_log() const {
        for (const auto& [name, text] : texts_in(data()))
            fs::remove(data() / name);
    }

    std::optional<Target> target;
};

TEST_F(SavedFiles, ComeBackWhereverTheyWereWrittenUnder) {
    const fs::path zip = dump_and_stop(*target);
    const auto saved = texts_in(data());
    std::vector<std::string> names;
    for (const auto& [name, text] : saved)
        names.push_back(name);
    ASSERT_EQ(names, (std::vector<std::string>{"by-child", "done", "linked", "mapped", "renamed"}));
    remove_all_but_the_log();
    restore_as(target->pid(), zip);
    EXPECT_EQ(texts_in(data()), saved);
    struct ::stat info {};
    ASSERT_EQ(::stat((data() / "renamed").c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 1234U);
    EXPECT_EQ(info.st_gid, 4321U);
    EXPECT_EQ(info.st_mode & 07777U, 0640U);
    EXPECT_TRUE(count_on_from(1, wait_for_more_lines(data() / "log", k_few_steps)));
}

TEST_F(SavedFiles, OfLaterAreKeptBesideThem) {
    const CedanaRun dumped = dump(target->pid());
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    EXPECT_FALSE(holds(dumped.err, "warning"));
    const std::string saved = read_file(data() / "renamed");
    target->end();
    write_text(data() / "renamed", "of a later run\n");
    restore_as(target->pid(), only_line(dumped.out));
    EXPECT_EQ(read_file(data() / "renamed"), saved);
    bool kept = false;
    for (const auto& [name, text] : texts_in(data()))
        kept = kept || (name.starts_with("renamed.cedana-backup-") && text == "of a later run\n");
    EXPECT_TRUE(kept);
}

TEST_F(SavedFiles, OfOthersAreNotTaken) {
    const Target other({"/bin/sh", "-c", "while :; do echo other > " + (data() / "other").string() + "; done"});
    wait_for_file(data() / "other");
    const CedanaRun dumped = dump(target->pid());
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    const Manifest manifest = Checkpoint(only_line(dumped.out), Keyring()).manifest();
    ASSERT_TRUE(manifest.watch.has_value());
    EXPECT_TRUE(manifest.watch->complete());
    const auto is_there = [&](const char* name) {
        return std::ranges::count(manifest.files, (data() / name).string(), &CapturedFile::path) == 1;
    };
    EXPECT_TRUE(is_there("renamed"));
    EXPECT_FALSE(is_there("other"));
}

// Nothing of the tree has it open: a restore does not depend on it.
TEST_F(SavedFiles, OverTheLimitAreLeftAsTheyAreThen) {
    options.environment["CEDANA_FILES_CAPTURE_LIMIT_MIB"] = "0";
    const CedanaRun dumped = dump(target->pid(), {"--stop"});
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    // The first of them by its path stands for all.
    EXPECT_TRUE(holds(dumped.err, (data() / "by-child").string() + " is not copied into the checkpoint"));
    target->wait_end();
    reap_all();
    fs::remove(data() / "renamed");
    const CedanaRun run = restore(only_line(dumped.out));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, (data() / "renamed").string() + " is not as it was at the checkpoint"));
    EXPECT_FALSE(fs::exists(data() / "renamed"));
}

} // namespace
} // namespace cedana::testing
