// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/store/catalog.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "support/synthetic_checkpoint.hpp"
#include "unit/process/fake_proc.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

using namespace std::chrono_literals;
using testing::plausible_manifest;

class Catalog : public test::InTempFolder {
  protected:
    void add(const std::string& file, const std::string& created, const std::string& name = "redis-server",
             pid_t pid = 42) const {
        testing::write_checkpoint(path(file), plausible_manifest(name, pid, created));
    }
    [[nodiscard]] std::vector<CatalogEntry> read() const {
        return read_catalog(path(""), Keyring(), Interrupt::none());
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const CatalogEntry& entry : read())
            all.push_back(entry.path.filename().string());
        return all;
    }
};

TEST_F(Catalog, OfAnEmptyStoreIsEmpty) { EXPECT_TRUE(read().empty()); }

TEST_F(Catalog, OfAMissingStoreIsAnErrorOfStorage) {
    try {
        static_cast<void>(read_catalog(path("absent"), Keyring(), Interrupt::none()));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::storage);
    }
}

// An archive of which nothing but the end can be read in time.
TEST_F(Catalog, ReadsNoDirectoryOfAMillionEntries) {
    std::string archive = "PK\x01\x02";
    archive.append(9 * 1024 * 1024, 'd');
    const auto size = static_cast<std::uint32_t>(archive.size());
    archive += "PK\x05\x06" + std::string(8, '\0');
    for (unsigned shift = 0; shift < 32; shift += 8)
        archive += static_cast<char>(size >> shift);
    write("million.zip", archive + std::string(6, '\0'));
    ASSERT_EQ(read().size(), 1U);
    EXPECT_EQ(read().front().kind, EntryKind::foreign);
    EXPECT_NE(read().front().flaw.find("no listing reads one above 8"), std::string::npos) << read().front().flaw;
}

TEST_F(Catalog, IsNewestFirstByTheManifestNotByTheFile) {
    add("a.zip", "2026-11-22T10:00:00Z");
    add("b.zip", "2026-11-22T12:00:00Z");
    add("c.zip", "2026-11-22T11:00:00Z");
    EXPECT_EQ(names(), (std::vector<std::string>{"b.zip", "c.zip", "a.zip"}));
}

TEST_F(Catalog, TellsWhatTheManifestSays) {
    add("a.zip", "2026-11-22T10:00:00Z", "nginx", 4242);
    const CatalogEntry entry = read().at(0);
    EXPECT_EQ(entry.kind, EntryKind::checkpoint);
    ASSERT_TRUE(entry.summary);
    EXPECT_EQ(entry.summary->name, "nginx");
    EXPECT_EQ(entry.summary->pid, 4242);
    EXPECT_EQ(entry.summary->bytes_images, 5U);
    EXPECT_EQ(entry.when, *parse_utc_iso("2026-11-22T10:00:00Z"));
    EXPECT_EQ(entry.bytes, std::filesystem::file_size(path("a.zip")));
}

TEST_F(Catalog, ShowsWhatIsNoCheckpointAsSuch) {
    add("whole.zip", "2026-11-22T10:00:00Z");
    write("truncated.zip", "PK\x03\x04 and no more");
    write("empty.zip", "");
    write("redis.zip.partial", "");
    write("notes.txt", "hello");
    ASSERT_EQ(::mkfifo(path("fifo.zip").c_str(), 0600), 0);
    ASSERT_EQ(::symlink("nowhere", path("dangling.zip").c_str()), 0);
    std::filesystem::create_directories(path("folder"));
    std::map<std::string, std::string> kinds;
    for (const CatalogEntry& entry : read())
        kinds[entry.path.filename().string()] = name_of(entry.kind);
    EXPECT_EQ(kinds, (std::map<std::string, std::string>{{"whole.zip", "checkpoint"},
                                                         {"truncated.zip", "damaged"},
                                                         {"empty.zip", "damaged"},
                                                         {"redis.zip.partial", "unfinished"},
                                                         {"notes.txt", "foreign"},
                                                         {"fifo.zip", "foreign"},
                                                         {"dangling.zip", "damaged"}}));
}

TEST_F(Catalog, SaysWhatIsWrongWithoutRepeatingThePath) {
    write("truncated.zip", "not a zip");
    EXPECT_EQ(read().at(0).flaw, "is not a zip archive");
}

TEST_F(Catalog, TakesACheckpointWhoseTimeIsNoneForDamaged) {
    add("a.zip", "yesterday");
    EXPECT_EQ(read().at(0).kind, EntryKind::damaged);
}

TEST_F(Catalog, OfManyIsReadByManyThreadsAndComplete) {
    constexpr int k_many = 150;
    for (int i = 0; i < k_many; ++i)
        add("c" + std::to_string(i) + ".zip", "2026-11-22T10:00:00Z", "redis", 100 + i);
    const auto entries = read();
    ASSERT_EQ(entries.size(), static_cast<std::size_t>(k_many));
    for (const CatalogEntry& entry : entries)
        EXPECT_EQ(entry.path.filename(), "c" + std::to_string(entry.summary->pid - 100) + ".zip");
}

TEST_F(Catalog, FiltersByNameAndAge) {
    add("redis-server_20261122T100000Z.zip", "2026-11-22T10:00:00Z");
    const CatalogEntry entry = read().at(0);
    const auto now = *parse_utc_iso("2026-11-22T12:00:00Z");
    EXPECT_TRUE(passes(entry, {}, now));
    EXPECT_TRUE(passes(entry, {.name = "redis"}, now));
    EXPECT_TRUE(passes(entry, {.name = "r*server"}, now));
    EXPECT_TRUE(passes(entry, {.name = "20261122"}, now));
    EXPECT_FALSE(passes(entry, {.name = "nginx"}, now));
    EXPECT_TRUE(passes(entry, {.newer_than = 2h}, now));
    EXPECT_FALSE(passes(entry, {.newer_than = 1h}, now));
    EXPECT_TRUE(passes(entry, {.older_than = 1h}, now));
    EXPECT_FALSE(passes(entry, {.older_than = 3h}, now));
}

class ProcessNowOf : public ::testing::Test {
  protected:
    ProcessNowOf() : summary(parse_summary(write_manifest(plausible_manifest("redis", 42, "2026-11-22T10:00:00Z")))) {}
    [[nodiscard]] ProcessNow now(const std::string& host = "elsewhere") const {
        return process_now(summary, proc.procfs(), host);
    }
    testing::FakeProc proc;
    CheckpointSummary summary;
};

TEST_F(ProcessNowOf, AnotherHostIsElsewhere) { EXPECT_EQ(now("here"), ProcessNow::elsewhere); }

TEST_F(ProcessNowOf, AFreePidIsGone) { EXPECT_EQ(now(), ProcessNow::gone); }

TEST_F(ProcessNowOf, ThePidWithTheSameStartIsRunning) {
    proc.add({.pid = 42, .comm = "redis", .executable = "/usr/bin/redis"});
    summary.start_time = proc.procfs().stat(42)->start_time;
    EXPECT_EQ(now(), ProcessNow::running);
}

TEST_F(ProcessNowOf, TheSameProgramWithALaterStartIsRestored) {
    proc.add({.pid = 42, .comm = "redis", .executable = "/usr/bin/redis"});
    EXPECT_EQ(now(), ProcessNow::restored);
}

TEST_F(ProcessNowOf, AnotherProgramIsOther) {
    proc.add({.pid = 42, .comm = "nginx", .executable = "/usr/sbin/nginx"});
    EXPECT_EQ(now(), ProcessNow::other);
}

TEST(FindStore, PrefersWhatIsNamedThenTheMountPointThenTheDumpFolderThenTheDefault) {
    Config config;
    EXPECT_EQ(find_store({}, config), "/var/lib/cedana");
    config.shared_storage_dump_storage_dir = "/var/dumps";
    EXPECT_EQ(find_store({}, config), "/var/dumps");
    config.shared_storage_mount_point = "/mnt/shared";
    EXPECT_EQ(find_store({}, config), "/mnt/shared");
    EXPECT_EQ(find_store("/named", config), "/named");
}

} // namespace
} // namespace cedana
