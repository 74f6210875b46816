// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/files/partial_file.hpp"

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_stem = "redis_20261122T164510Z";

struct StemRow {
    std::string program;
    std::string stem;
};

class CheckpointStem : public ::testing::TestWithParam<StemRow> {};
INSTANTIATE_TEST_SUITE_P(Table, CheckpointStem,
                         ::testing::Values(StemRow{"redis-server", "redis-server_20261122T164510Z"},
                                           StemRow{"python3.11", "python3.11_20261122T164510Z"},
                                           StemRow{".hidden..sh", "_hidden._sh_20261122T164510Z"},
                                           StemRow{"../../etc/passwd", "______etc_passwd_20261122T164510Z"},
                                           StemRow{"a b\tc\nd", "a_b_c_d_20261122T164510Z"},
                                           StemRow{"\xc3\xa9\xff", "____20261122T164510Z"},
                                           StemRow{"$(rm -rf)", "__rm_-rf__20261122T164510Z"},
                                           StemRow{std::string(255, 'a'), std::string(100, 'a') + "_20261122T164510Z"},
                                           StemRow{"", "process_20261122T164510Z"}));

TEST_P(CheckpointStem, HoldsOnlyCharactersThatAreSafeEverywhere) {
    const auto when = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(16) +
                      std::chrono::minutes(45) + std::chrono::seconds(10);
    EXPECT_EQ(checkpoint_stem(GetParam().program, when), GetParam().stem);
}

// The umask of this process while this lives.
class Umask {
  public:
    explicit Umask(mode_t mask) : old_(::umask(mask)) {}
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;
    ~Umask() { ::umask(old_); }

  private:
    mode_t old_;
};

using Paths = std::vector<fs::path>;

// A file system whose server answers nothing.
class HangingFolder : public test::InTempFolder {
  protected:
    void SetUp() override {
        fs::create_directory(path("hangs"));
        device_ = UniqueFd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
        const std::string options =
            "fd=" + std::to_string(device_.get()) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
        if (!device_ || ::mount("hanging", path("hangs").c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
            GTEST_SKIP() << "cannot mount a FUSE file system: " << std::strerror(errno);
        mounted_ = true;
    }
    ~HangingFolder() override {
        // First of all, for that ends whoever waits.
        device_.reset();
        if (mounted_)
            ::umount2(path("hangs").c_str(), MNT_DETACH);
    }

  private:
    UniqueFd device_;
    bool mounted_ = false;
};

TEST_F(HangingFolder, IsRefusedInTime) {
    try {
        require_answer(path("hangs"), "the folder", std::chrono::milliseconds(200));
        ADD_FAILURE() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::storage);
        EXPECT_NE(error.message().find("does not answer"), std::string::npos) << error.message();
    }
}

TEST_F(HangingFolder, IsNoneIfItIsThereOrNot) {
    EXPECT_NO_THROW(require_answer(path("."), "the folder"));
    EXPECT_NO_THROW(require_answer(path("absent"), "the folder"));
}

class PendingCheckpointTest : public test::InTempFolder {
  protected:
    [[nodiscard]] fs::path folder() const { return path("x").parent_path(); }
    static void fill(const PendingCheckpoint& pending, std::string_view content) {
        write_all(pending.fd(), content, pending.partial());
    }
    static mode_t mode_of(const fs::path& path) {
        struct ::stat info {};
        EXPECT_EQ(::stat(path.c_str(), &info), 0);
        return info.st_mode & 07777U;
    }
    static std::optional<Fault> fault_of(const std::function<void()>& work) {
        try {
            work();
        } catch (const Error& error) {
            return error.fault();
        }
        return std::nullopt;
    }
};

TEST_F(PendingCheckpointTest, IsPublishedUnderItsName) {
    PendingCheckpoint pending(folder(), k_stem);
    fill(pending, "content");
    const fs::path published = pending.publish();
    EXPECT_EQ(published.filename(), std::string(k_stem) + ".zip");
    EXPECT_EQ(read_file(published), "content");
    EXPECT_FALSE(fs::exists(pending.partial()));
}

TEST_F(PendingCheckpointTest, StaysWhenItWasPublished) {
    fs::path published;
    {
        PendingCheckpoint pending(folder(), k_stem);
        published = pending.publish();
    }
    EXPECT_TRUE(fs::exists(published));
}

TEST_F(PendingCheckpointTest, GetsANumberWhenItsNameIsTaken) {
    write(std::string(k_stem) + ".zip", "the first");
    write(std::string(k_stem) + "_2.zip", "the second");
    PendingCheckpoint pending(folder(), k_stem);
    EXPECT_EQ(pending.publish().filename(), std::string(k_stem) + "_3.zip");
    EXPECT_EQ(read_file(path(std::string(k_stem) + ".zip")), "the first");
    EXPECT_EQ(read_file(path(std::string(k_stem) + "_2.zip")), "the second");
}

TEST_F(PendingCheckpointTest, DoesNotDisturbAnotherOfTheSameName) {
    PendingCheckpoint first(folder(), k_stem);
    PendingCheckpoint second(folder(), k_stem);
    fill(first, "first");
    fill(second, "second");
    EXPECT_EQ(read_file(second.publish()), "second");
    EXPECT_EQ(read_file(first.publish()), "first");
}

TEST_F(PendingCheckpointTest, IsForItsOwnerAloneWhateverTheUmaskIs) {
    const Umask umask(0);
    PendingCheckpoint pending(folder(), k_stem);
    EXPECT_EQ(mode_of(pending.partial()), 0600U);
    EXPECT_EQ(mode_of(pending.publish()), 0600U);
}

TEST_F(PendingCheckpointTest, IsReadableByItsOwnerWhateverTheUmaskIs) {
    const Umask umask(0777);
    const PendingCheckpoint pending(folder(), k_stem);
    EXPECT_EQ(mode_of(pending.partial()), 0600U);
}

TEST_F(PendingCheckpointTest, IsRemovedUnlessItWasPublished) {
    fs::path partial;
    {
        const PendingCheckpoint pending(folder(), k_stem);
        partial = pending.partial();
        EXPECT_TRUE(fs::exists(partial));
    }
    EXPECT_FALSE(fs::exists(partial));
}

TEST_F(PendingCheckpointTest, FollowsNoLink) {
    fs::create_symlink(path("victim"), path(partial_name(k_stem)));
    const PendingCheckpoint pending(folder(), k_stem);
    EXPECT_FALSE(fs::exists(path("victim")));
    EXPECT_NE(pending.partial().filename(), partial_name(k_stem));
}

TEST_F(PendingCheckpointTest, NeedsItsFolder) {
    EXPECT_EQ(fault_of([&] { PendingCheckpoint(path("missing"), k_stem); }), Fault::storage);
}

TEST_F(PendingCheckpointTest, IsNotPublishedWhenSomebodyRemovedIt) {
    PendingCheckpoint pending(folder(), k_stem);
    fs::remove(pending.partial());
    EXPECT_NE(fault_of([&] { static_cast<void>(pending.publish()); }), std::nullopt);
    EXPECT_TRUE(fs::is_empty(folder()));
}

// Its name would be that of another's file, which is half written.
TEST_F(PendingCheckpointTest, IsNotPublishedWhenAnotherFileHasItsName) {
    {
        PendingCheckpoint pending(folder(), k_stem);
        fs::remove(pending.partial());
        write(partial_name(k_stem), "half");
        EXPECT_EQ(fault_of([&] { static_cast<void>(pending.publish()); }), Fault::storage);
    }
    EXPECT_EQ(read_file(path(partial_name(k_stem))), "half");
    EXPECT_FALSE(fs::exists(path(std::string(k_stem) + ".zip")));
}

TEST_F(PendingCheckpointTest, OfAWriterThatIsGoneIsRemoved) {
    const fs::path abandoned = write(partial_name("a_20261122T164510Z"), "half");
    EXPECT_EQ(remove_abandoned(folder()).removed, Paths{abandoned});
    EXPECT_FALSE(fs::exists(abandoned));
}

// Locks may not go from host to host.
TEST_F(PendingCheckpointTest, OfAnotherHostIsKept) {
    const fs::path other = write("a_20261122T164510Z.another-7.zip.partial", "half");
    EXPECT_EQ(remove_abandoned(folder()).of_other_hosts, Paths{other});
    EXPECT_TRUE(fs::exists(other));
}

TEST_F(PendingCheckpointTest, OfAnotherUserIsKept) {
    constexpr uid_t k_other = 65534;
    const fs::path other = write(partial_name("a_20261122T164510Z"), "half");
    if (::chown(other.c_str(), k_other, k_other) != 0)
        GTEST_SKIP() << "needs root";
    EXPECT_EQ(remove_abandoned(folder()).kept, Paths{other});
    EXPECT_TRUE(fs::exists(other));
}

TEST_F(PendingCheckpointTest, OfAWriterThatWasKilledIsRemoved) {
    testing::Forked writer([&] { static_cast<void>(new PendingCheckpoint(folder(), k_stem)); });
    writer.kill_and_reap();
    remove_abandoned(folder());
    EXPECT_TRUE(fs::is_empty(folder()));
}

TEST_F(PendingCheckpointTest, OfAnotherProcessThatStillWritesIsKept) {
    const testing::Forked writer([&] { static_cast<void>(new PendingCheckpoint(folder(), k_stem)); });
    const PartialFiles partial = remove_abandoned(folder());
    EXPECT_EQ(partial.kept.size(), 1U);
    EXPECT_TRUE(fs::exists(partial.kept.at(0)));
}

TEST_F(PendingCheckpointTest, IsAllThatIsRemoved) {
    const fs::path checkpoint = write("a.zip", "");
    const fs::path others = write("download.partial", "");
    const fs::path upload = write("photos.zip.partial", "");
    const fs::path target = write("target", "");
    fs::create_symlink(target, path(partial_name("link")));
    remove_abandoned(folder());
    EXPECT_TRUE(fs::exists(checkpoint));
    EXPECT_TRUE(fs::exists(others));
    EXPECT_TRUE(fs::exists(upload));
    EXPECT_TRUE(fs::exists(target));
}

TEST_F(PendingCheckpointTest, IsNotLookedForInAFolderThatIsMissing) { EXPECT_NO_THROW(remove_abandoned(path("no"))); }

using RequireFolder = PendingCheckpointTest;

TEST_F(RequireFolder, TakesAFolderThatCanBeWritten) { EXPECT_NO_THROW(require_folder(folder(), "the store")); }

TEST_F(RequireFolder, SaysHowToMakeAMissingOne) {
    try {
        require_folder(path("missing"), "the store");
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::storage);
        EXPECT_EQ(error.hint(), "create it: mkdir -p " + path("missing").string());
    }
}

TEST_F(RequireFolder, RefusesAFile) {
    const fs::path file = write("file", "");
    EXPECT_EQ(fault_of([&] { require_folder(file, "the store"); }), Fault::storage);
}

} // namespace
} // namespace cedana
