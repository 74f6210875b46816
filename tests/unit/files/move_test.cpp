// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/files/move.hpp"

#include <csignal>
#include <iterator>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

class Move : public test::InTempFolder {
  protected:
    fs::path move(const fs::path& folder) { return move_checkpoint(checkpoint, folder, interrupt, progress); }
    std::optional<Fault> fault_of_move(const fs::path& folder) {
        try {
            move(folder);
        } catch (const Error& error) {
            return error.fault();
        }
        return std::nullopt;
    }

    // Two checkpoints of one name, moved there at the same time: both arrive, whole, under different names.
    void expect_that_both_arrive(const fs::path& folder) {
        fs::create_directory(path("other"));
        const fs::path other = write("other/redis_20261122T164510Z.zip", "another");
        std::latch both(2);
        fs::path moved;
        std::thread mover([&] {
            both.arrive_and_wait();
            Progress none;
            moved = move_checkpoint(other, folder, Interrupt::none(), none);
        });
        both.arrive_and_wait();
        const fs::path first = move(folder);
        mover.join();
        EXPECT_NE(first, moved);
        EXPECT_EQ(read_file(first), content);
        EXPECT_EQ(read_file(moved), "another");
        EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 2);
    }

    Interrupt interrupt = Interrupt::none();
    Progress progress;
    std::string content = std::string(3'000'000, 'c') + "the end";
    fs::path checkpoint = write("redis_20261122T164510Z.zip", content);
};

class MoveOnOneFileSystem : public Move {
  protected:
    MoveOnOneFileSystem() { fs::create_directory(store); }
    fs::path store = path("store");
};

TEST_F(MoveOnOneFileSystem, KeepsTheNameAndTheFile) {
    const auto inode = [](const fs::path& file) {
        struct ::stat info {};
        EXPECT_EQ(::stat(file.c_str(), &info), 0);
        return info.st_ino;
    };
    const auto before = inode(checkpoint);
    const fs::path moved = move(store);
    EXPECT_EQ(moved, store / "redis_20261122T164510Z.zip");
    EXPECT_EQ(inode(moved), before);
    EXPECT_FALSE(fs::exists(checkpoint));
}

TEST_F(MoveOnOneFileSystem, GivesANumberWhenTheNameIsTaken) {
    write("store/redis_20261122T164510Z.zip", "another");
    const fs::path moved = move(store);
    EXPECT_EQ(moved.filename(), "redis_20261122T164510Z_2.zip");
    EXPECT_EQ(read_file(moved), content);
    EXPECT_EQ(read_file(store / "redis_20261122T164510Z.zip"), "another");
}

TEST_F(MoveOnOneFileSystem, LeavesACheckpointThatIsThereAlready) {
    EXPECT_EQ(move(path(".")), checkpoint);
    EXPECT_EQ(read_file(checkpoint), content);
}

TEST_F(MoveOnOneFileSystem, LeavesTheCheckpointWhenTheStoreIsMissing) {
    EXPECT_EQ(fault_of_move(path("missing")), Fault::storage);
    EXPECT_EQ(read_file(checkpoint), content);
}

TEST_F(MoveOnOneFileSystem, LeavesTheCheckpointWhenTheStoreIsAFile) {
    EXPECT_EQ(fault_of_move(write("file", "")), Fault::storage);
    EXPECT_EQ(read_file(checkpoint), content);
}

TEST_F(MoveOnOneFileSystem, OfTwoAtOnceToOneNameLosesNeither) { expect_that_both_arrive(store); }

class MoveAcrossFileSystems : public Move {
  protected:
    void SetUp() override {
        const auto device = [](const fs::path& path) {
            struct ::stat info {};
            return ::stat(path.c_str(), &info) == 0 ? info.st_dev : 0;
        };
        if (device("/dev/shm") == device(path(".")) || ::access("/dev/shm", W_OK) != 0)
            GTEST_SKIP() << "/dev/shm is not another file system that can be written";
        other_ = std::make_unique<TempDir>("/dev/shm", "cedana-test");
        store = other_->path();
    }
    fs::path store;

  private:
    std::unique_ptr<TempDir> other_;
};

TEST_F(MoveAcrossFileSystems, CopiesAndRemoves) {
    const fs::path moved = move(store);
    EXPECT_EQ(moved, store / "redis_20261122T164510Z.zip");
    EXPECT_EQ(read_file(moved), content);
    EXPECT_FALSE(fs::exists(checkpoint));
}

TEST_F(MoveAcrossFileSystems, KeepsTheSecretsOfTheProcess) {
    EXPECT_EQ(fs::status(move(store)).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(MoveAcrossFileSystems, GivesANumberWhenTheNameIsTaken) {
    write_all(open_file(store / "redis_20261122T164510Z.zip", O_WRONLY | O_CREAT, 0600).get(), "another", store);
    const fs::path moved = move(store);
    EXPECT_EQ(moved.filename(), "redis_20261122T164510Z_2.zip");
    EXPECT_EQ(read_file(moved), content);
    EXPECT_EQ(read_file(store / "redis_20261122T164510Z.zip"), "another");
}

TEST_F(MoveAcrossFileSystems, OfTwoAtOnceToOneNameLosesNeither) { expect_that_both_arrive(store); }

TEST_F(MoveAcrossFileSystems, TellsHowFarItIs) {
    struct Counted : Progress {
        void bytes(std::uint64_t done, std::uint64_t total) override { last = done, all = total; }
        std::uint64_t last = 0;
        std::uint64_t all = 0;
    } counted;
    static_cast<void>(move_checkpoint(checkpoint, store, interrupt, counted));
    EXPECT_EQ(counted.last, content.size());
    EXPECT_EQ(counted.all, content.size());
}

TEST_F(MoveAcrossFileSystems, LeavesTheCheckpointAndNothingElseWhenItIsInterrupted) {
    interrupt = Interrupt::install();
    std::raise(SIGINT);
    EXPECT_EQ(fault_of_move(store), Fault::interrupted);
    EXPECT_EQ(read_file(checkpoint), content);
    EXPECT_TRUE(fs::is_empty(store));
}

} // namespace
} // namespace cedana
