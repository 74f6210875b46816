// SPDX-License-Identifier: Apache-2.0
// Dumps whose checkpoint moves on to shared storage.
#include "cedana/base/error.hpp"
#include "cedana/checkpoint/whole_check.hpp"

#include <optional>

#include <sys/mount.h>

#include "command/command_fixture.hpp"
#include "support/tmpfs.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

// None if it is a whole checkpoint.
std::optional<Fault> verify_fault(const fs::path& checkpoint) {
    try {
        static_cast<void>(WholeCheck(1, Keyring()).run(checkpoint));
        return std::nullopt;
    } catch (const Error& error) {
        return error.fault();
    }
}

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

TEST_F(MountPoint, ThatIsAPlainFolderIsExit9WhereItMustBeMounted) {
    options.environment["CEDANA_SHARED_STORAGE_REQUIRE_MOUNT"] = "true";
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, shared().string() + " is a plain folder: nothing is mounted there"));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "mount " + shared().string()));
    EXPECT_TRUE(criu_runs("dump").empty());
    EXPECT_TRUE(target.runs());
}

TEST_F(MountPoint, ThatIsAPlainFolderIsAlsoTheAnswerOfADryRun) {
    options.environment["CEDANA_SHARED_STORAGE_REQUIRE_MOUNT"] = "true";
    EXPECT_EQ(dump(target, {"--dry-run"}).exit_code, 9);
}

TEST_F(OtherFileSystem, IsTakenWhereItMustBeMounted) {
    options.environment["CEDANA_SHARED_STORAGE_REQUIRE_MOUNT"] = "true";
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(fs::path(only_line(run.out)).parent_path(), shared());
}

TEST_F(OtherFileSystem, ThatIsReadOnlyIsExit9BeforeTheDump) {
    ASSERT_EQ(::mount(nullptr, shared().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, "Read-only file system"));
    EXPECT_TRUE(criu_runs("dump").empty());
    EXPECT_TRUE(target.runs());
}

// Between the look at it and the move.
class VanishedMount : public OtherFileSystem {
  protected:
    VanishedMount() {
        write_script(scratch("unmount"), "#!/bin/sh\nexec umount -l " + shared().string() + "\n");
        options.environment["CEDANA_ACTION_SCRIPTS_PRE_DUMP"] = scratch("unmount");
    }
};

TEST_F(VanishedMount, IsExit9AndTheCheckpointStaysWholeWhereItMustBeMounted) {
    options.environment["CEDANA_SHARED_STORAGE_REQUIRE_MOUNT"] = "true";
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, "nothing is mounted there"));
    const fs::path checkpoint = store() / only(names_in(store()));
    EXPECT_TRUE(holds(field_of(run.err, "hint"), checkpoint.string()));
    EXPECT_EQ(verify_fault(checkpoint), std::nullopt);
    EXPECT_TRUE(names_in(shared()).empty());
    EXPECT_TRUE(target.runs());
}

TEST_F(VanishedMount, LeavesAFolderLikeAnyOtherElsewhere) {
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(verify_fault(only_line(run.out)), std::nullopt);
    EXPECT_TRUE(target.runs());
}

TEST_F(MountPoint, ThatVanishesIsExit9AndTheCheckpointStays) {
    write_script(scratch("remove"), "#!/bin/sh\nexec rmdir " + shared().string() + "\n");
    options.environment["CEDANA_ACTION_SCRIPTS_PRE_DUMP"] = scratch("remove");
    const CedanaRun run = dump(target);
    EXPECT_EQ(run.exit_code, 9);
    EXPECT_TRUE(holds(run.err, shared().string() + " does not exist"));
    EXPECT_EQ(verify_fault(store() / only(names_in(store()))), std::nullopt);
    EXPECT_TRUE(target.runs());
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
