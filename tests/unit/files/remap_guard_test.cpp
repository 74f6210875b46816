// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/files/remap_guard.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

class RemapGuardTest : public test::InTempFolder {
  protected:
    RemapGuardTest() {
        fs::create_directory(folder);
        write("folder/link_remap.1", "content");
    }
    void guard() { guarded.emplace(remaps, journal); }
    // CRIU has come this far, or further.
    void open_as_criu_does() const { fs::create_hard_link(folder / "link_remap.1", folder / "lost"); }
    void remove_as_criu_does() const {
        fs::remove(folder / "lost");
        fs::remove(folder / "link_remap.1");
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(folder))
            found.push_back(entry.path().filename());
        return found;
    }

    const fs::path folder = fs::canonical(path("")) / "folder";
    const fs::path journal = path("journal");
    const std::vector<LinkRemap> remaps = {{.lost = folder / "lost", .link = folder / "link_remap.1"}};
    std::optional<RemapGuard> guarded;
};

TEST_F(RemapGuardTest, GivesTheNameBackThatAFailedRestoreHasRemoved) {
    guard();
    open_as_criu_does();
    remove_as_criu_does();
    guarded.reset();
    EXPECT_EQ(names(), std::vector<std::string>{"link_remap.1"});
    EXPECT_EQ(read_file(folder / "link_remap.1"), "content");
}

TEST_F(RemapGuardTest, GivesTheNameBackThatAnEarlierOneCouldNot) {
    fs::rename(folder / "link_remap.1", folder / ".cedana-kept-link_remap.1");
    guard();
    EXPECT_TRUE(fs::exists(folder / "link_remap.1"));
    guarded.reset();
    EXPECT_EQ(names(), std::vector<std::string>{"link_remap.1"});
    EXPECT_EQ(read_file(folder / "link_remap.1"), "content");
}

TEST_F(RemapGuardTest, RemovesTheLostNameThatAFailedRestoreHasMade) {
    guard();
    open_as_criu_does();
    guarded.reset();
    EXPECT_EQ(names(), std::vector<std::string>{"link_remap.1"});
}

TEST_F(RemapGuardTest, LeavesAnotherFileThatHasTheLostName) {
    write("folder/lost", "of another");
    guard();
    guarded.reset();
    EXPECT_EQ(read_file(folder / "lost"), "of another");
}

TEST_F(RemapGuardTest, LeavesNothingAfterARestoreThatWorked) {
    guard();
    open_as_criu_does();
    remove_as_criu_does();
    guarded->commit();
    EXPECT_EQ(names(), std::vector<std::string>());
}

TEST_F(RemapGuardTest, IsFinishedByAnotherAfterAKill) {
    guard();
    open_as_criu_does();
    remove_as_criu_does();
    RemapGuard::finish_killed(journal, false);
    EXPECT_EQ(names(), std::vector<std::string>{"link_remap.1"});
}

TEST_F(RemapGuardTest, IsFinishedByAnotherWhenTheTreeRanAllTheSame) {
    guard();
    open_as_criu_does();
    remove_as_criu_does();
    RemapGuard::finish_killed(journal, true);
    EXPECT_EQ(names(), std::vector<std::string>());
}

TEST_F(RemapGuardTest, PassesOverANameThatIsMissing) {
    fs::remove(folder / "link_remap.1");
    EXPECT_NO_THROW(guard());
    EXPECT_FALSE(fs::exists(journal));
}

TEST_F(RemapGuardTest, WithoutAJournalHasNothingToFinish) {
    EXPECT_NO_THROW(RemapGuard::finish_killed(path("none"), false));
}

// Of a checkpoint of a tree that ran on: CRIU has taken link_remap.1 away, and the file has another name.
class RemapThatIsMade : public RemapGuardTest {
  protected:
    RemapThatIsMade() {
        fs::rename(folder / "link_remap.1", folder / "semaphore");
        made[0].name = folder / "semaphore";
    }
    void guard_made() { guarded.emplace(made, journal); }

    std::vector<LinkRemap> made = remaps;
};

TEST_F(RemapThatIsMade, IsTheFileForAsLongAsTheRestoreLasts) {
    guard_made();
    EXPECT_TRUE(fs::equivalent(folder / "link_remap.1", folder / "semaphore"));
    open_as_criu_does();
    remove_as_criu_does();
    guarded->commit();
    EXPECT_EQ(names(), std::vector<std::string>{"semaphore"});
}

TEST_F(RemapThatIsMade, GoesWithTheLostNameWhenTheRestoreFails) {
    guard_made();
    open_as_criu_does();
    guarded.reset();
    EXPECT_EQ(names(), std::vector<std::string>{"semaphore"});
}

TEST_F(RemapThatIsMade, GoesAfterAKillToo) {
    guard_made();
    open_as_criu_does();
    RemapGuard::finish_killed(journal, false);
    EXPECT_EQ(names(), std::vector<std::string>{"semaphore"});
    guarded.reset();
    guard_made();
    RemapGuard::finish_killed(journal, true);
    EXPECT_EQ(names(), std::vector<std::string>{"semaphore"});
}

// Of a checkpoint of a tree that was stopped.
class RemapThatWaits : public RemapGuardTest {
  protected:
    RemapThatWaits() {
        fs::rename(folder / "link_remap.1", k_own);
        waiting[0].waits = k_own;
    }
    void guard_waiting() { guarded.emplace(waiting, journal); }

    const fs::path k_own = folder / "link_remap.1.0123456789abcdef";
    std::vector<LinkRemap> waiting = remaps;
};

TEST_F(RemapThatWaits, GoesWithTheRestoreThatWorked) {
    guard_waiting();
    EXPECT_TRUE(fs::equivalent(folder / "link_remap.1", k_own));
    open_as_criu_does();
    remove_as_criu_does();
    guarded->commit();
    EXPECT_EQ(names(), std::vector<std::string>());
}

TEST_F(RemapThatWaits, StaysAfterARestoreThatFailed) {
    for (int i = 0; i < 2; ++i) {
        guard_waiting();
        open_as_criu_does();
        guarded.reset();
        EXPECT_EQ(names(), std::vector<std::string>{k_own.filename()});
    }
}

TEST_F(RemapThatWaits, IsFinishedByAnotherAfterAKill) {
    guard_waiting();
    open_as_criu_does();
    RemapGuard::finish_killed(journal, false);
    EXPECT_EQ(names(), std::vector<std::string>{k_own.filename()});
    guard_waiting();
    open_as_criu_does();
    remove_as_criu_does();
    RemapGuard::finish_killed(journal, true);
    EXPECT_EQ(names(), std::vector<std::string>());
}

TEST_F(RemapThatWaits, LeavesTheNameOfAnotherCheckpointAlone) {
    write("folder/link_remap.1", "of another");
    try {
        guard_waiting();
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_NE(error.hint(), "");
    }
    guarded.reset();
    EXPECT_EQ(read_file(folder / "link_remap.1"), "of another");
    EXPECT_TRUE(fs::exists(k_own));
}

} // namespace
} // namespace cedana
