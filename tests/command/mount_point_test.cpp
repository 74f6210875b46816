// SPDX-License-Identifier: Apache-2.0
// Dumps whose checkpoint moves on to shared storage.
#include "command/command_fixture.hpp"
#include "support/tmpfs.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class MountPoint : public WithTarget {
  protected:
    MountPoint() {
        fs::create_directories(shared());
        options.environment["CEDANA_SHARED_STORAGE_MOUNT_POINT"] = shared();
    }

    [[nodiscard]] fs::path shared() const { return scratch("shared"); }
};

TEST_F(MountPoint, TakesTheCheckpointOnTheSameFileSystem) {
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(fs::path(only_line(run.out)).parent_path(), shared());
    EXPECT_EQ(only(names_in(shared())), fs::path(only_line(run.out)).filename());
    EXPECT_TRUE(names_in(store()).empty());
}

class OtherFileSystem : public MountPoint {
  protected:
    void SetUp() override {
        MountPoint::SetUp();
        if (IsSkipped())
            return;
        if (!mounted_.mount(shared(), room()))
            GTEST_SKIP() << "needs to mount a file system, which is not permitted here";
    }
    [[nodiscard]] virtual std::uint64_t room() const { return 64UL * 1024 * 1024; }

  private:
    Tmpfs mounted_;
};

TEST_F(OtherFileSystem, TakesTheCheckpointAndNothingIsLeftBehind) {
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(fs::path(only_line(run.out)).parent_path(), shared());
    EXPECT_EQ(only(names_in(shared())), fs::path(only_line(run.out)).filename());
    EXPECT_TRUE(names_in(store()).empty());
}

TEST_F(OtherFileSystem, HoldsAPrivateFileThatRestores) {
    const CedanaRun run = dump(target, {"--stop"});
    target.wait_end();
    const fs::path zip = only_line(run.out);
    EXPECT_EQ(fs::status(zip).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    const CedanaRun restored = restore(zip);
    EXPECT_EQ(restored.exit_code, 0) << restored.err;
    const Orphan orphan(std::stoi(restored.out));
}

class FullFileSystem : public OtherFileSystem {
  protected:
    [[nodiscard]] std::uint64_t room() const override { return 1024UL * 1024; }
};

TEST_F(FullFileSystem, IsExit9AndTheCheckpointStaysWhereTheErrorSays) {
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_EQ(run.out, "");
    const std::string checkpoint = only(names_in(store(), ".zip"));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), (store() / checkpoint).string()));
    EXPECT_TRUE(holds(field_of(run.err, "while"), "moving the checkpoint to " + shared().string()));
    EXPECT_TRUE(names_in(shared()).empty());
}

TEST_F(FullFileSystem, LeavesACheckpointThatRestores) {
    EXPECT_EQ(dump(target, {"--stop"}).exit_code, 9);
    target.wait_end();
    const CedanaRun restored = restore(store() / only(names_in(store(), ".zip")));
    EXPECT_EQ(restored.exit_code, 0) << restored.err;
    const Orphan orphan(std::stoi(restored.out));
}

} // namespace
} // namespace cedana::testing
