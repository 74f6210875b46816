// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/diagnose.hpp"
#include "cedana/undo/kept_logs.hpp"

#include <algorithm>
#include <chrono>
#include <latch>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

constexpr LogLimits k_small{.bytes_each = 4096, .count = 3, .bytes_all = 100'000};

std::string many_lines(std::size_t bytes) {
    std::string text;
    for (int number = 0; text.size() < bytes; ++number)
        text += "(00.100000) vma " + std::to_string(number) + " 7f0000000000-7f0000001000\n";
    return text;
}

class KeptLogs : public test::InTempFolder {
  protected:
    std::string keep(const std::string& content, const LogLimits& limits = k_small) {
        std::string kept = keep_log_in(folder, write("dump.log", content), "dump", 42, limits);
        EXPECT_NE(kept, "");
        return kept;
    }
    // Of that many seconds ago.
    fs::path old_log(const std::string& name, int seconds, std::size_t bytes = 10) {
        fs::create_directory(folder);
        fs::path file = write("logs/" + name, std::string(bytes, 'x'));
        fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::seconds(seconds));
        return file;
    }
    std::set<std::string> names() const {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator(folder))
            found.insert(entry.path().filename());
        return found;
    }
    std::uint64_t bytes() const {
        std::uint64_t sum = 0;
        for (const auto& entry : fs::directory_iterator(folder))
            sum += entry.file_size();
        return sum;
    }

    fs::path folder = path("logs");
};

TEST_F(KeptLogs, ThatAreShortAreKeptWhole) { EXPECT_EQ(read_file(keep("one\ntwo\n")), "one\ntwo\n"); }

TEST_F(KeptLogs, AreForRootAlone) {
    const fs::path kept = keep("one\n");
    EXPECT_EQ(fs::status(kept).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
}

TEST_F(KeptLogs, ThatAreLongAreShortenedWithARemark) {
    const std::string kept = read_file(keep("the first line\n" + many_lines(1'000'000) + "the last line\n"));
    EXPECT_LE(kept.size(), k_small.bytes_each);
    EXPECT_TRUE(kept.starts_with("the first line\n"));
    EXPECT_TRUE(kept.ends_with("\nthe last line\n"));
    EXPECT_NE(kept.find("cedana left out"), std::string::npos);
}

TEST_F(KeptLogs, HoldTheCauseWhereverItStood) {
    const std::string cause =
        "(00.200000) 42: Error (criu/files-ext.c:96): Can't dump file 7 of that type [20600] (chr)";
    const std::string many_warnings = [] {
        std::string text;
        for (int number = 0; number < 1000; ++number)
            text += "(00.1) Warn  (criu/x.c:1): warning " + std::to_string(number) + "\n";
        return text;
    }();
    const std::string noise = many_lines(300'000);
    const std::vector<std::string> logs = {cause + "\n" + noise, noise + many_warnings + cause + "\n" + noise,
                                           noise + cause};
    for (const std::string& log : logs) {
        const std::string kept = read_file(keep(log));
        EXPECT_LE(kept.size(), k_small.bytes_each);
        EXPECT_EQ(criu::diagnose(kept).cause, criu::diagnose(log).cause);
    }
}

TEST_F(KeptLogs, OfOneLineAreShortenedToo) {
    EXPECT_LE(read_file(keep(std::string(1'000'000, 'x'))).size(), k_small.bytes_each);
}

TEST_F(KeptLogs, NeverReplaceOneAnother) {
    const std::string one = keep("one");
    const std::string two = keep("two");
    EXPECT_NE(one, two);
    EXPECT_EQ(read_file(one), "one");
    EXPECT_EQ(read_file(two), "two");
}

TEST_F(KeptLogs, AreNoMoreThanTheLimit) {
    for (int number = 0; number < 10; ++number)
        keep(std::to_string(number));
    EXPECT_EQ(names().size(), k_small.count);
}

TEST_F(KeptLogs, GoFromTheOldestOn) {
    const fs::path oldest = old_log("dump-1-20261122T164510Z.log", 300);
    const fs::path middle = old_log("restore-2-20261122T164510Z.log", 200);
    const fs::path newest = old_log("lazy-3-20261122T164510Z_2.log", 100);
    const fs::path kept = keep("new");
    EXPECT_EQ(names(), (std::set<std::string>{middle.filename(), newest.filename(), kept.filename()}));
}

TEST_F(KeptLogs, TakeNoMoreRoomThanTheLimitTogether) {
    const LogLimits limits{.bytes_each = 4096, .count = 100, .bytes_all = 10'000};
    for (int number = 0; number < 10; ++number)
        old_log("dump-" + std::to_string(number) + "-20261122T164510Z.log", 100 - number, 3000);
    const std::string kept = keep("new", limits);
    EXPECT_LE(bytes(), limits.bytes_all);
    EXPECT_EQ(names(), (std::set<std::string>{"dump-9-20261122T164510Z.log", fs::path(kept).filename()}));
}

TEST_F(KeptLogs, OfOthersAreLeft) {
    const std::set<std::string> others = {"dump-1-20261122T164510Z.log.gz", "notes.log", "dump-x-20261122T164510Z.log",
                                          "-1-20261122T164510Z.log"};
    for (const std::string& name : others)
        old_log(name, 1000);
    fs::create_directory(folder / "dump-2-20261122T164510Z.log");
    fs::create_symlink("/etc/passwd", folder / "dump-3-20261122T164510Z.log");
    for (int number = 0; number < 10; ++number)
        keep("new");
    for (const std::string& name : others)
        EXPECT_TRUE(names().contains(name)) << name;
    EXPECT_TRUE(names().contains("dump-2-20261122T164510Z.log"));
    EXPECT_TRUE(names().contains("dump-3-20261122T164510Z.log"));
}

TEST_F(KeptLogs, ThatAreBeingWrittenAreLeft) {
    const fs::path written = old_log("dump-1-20261122T164510Z.log", 1000);
    const UniqueFd writer = open_file(written, O_RDWR);
    ASSERT_EQ(::flock(writer.get(), LOCK_EX | LOCK_NB), 0);
    for (int number = 0; number < 10; ++number)
        keep("new");
    EXPECT_TRUE(fs::exists(written));
    EXPECT_EQ(names().size(), k_small.count);
}

TEST_F(KeptLogs, OfManyAtOnceAreAllWhole) {
    constexpr int k_threads = 8;
    const fs::path log = write("dump.log", "the content\n");
    const LogLimits limits{.bytes_each = 4096, .count = k_threads, .bytes_all = 100'000};
    for (int number = 0; number < k_threads; ++number)
        old_log("dump-" + std::to_string(number) + "-20261122T164510Z.log", 100 - number);
    std::latch all(k_threads);
    std::vector<std::string> kept(k_threads);
    {
        std::vector<std::jthread> threads;
        for (std::string& one : kept)
            threads.emplace_back([&] {
                all.arrive_and_wait();
                one = keep_log_in(folder, log, "dump", 42, limits);
            });
    }
    for (const std::string& one : kept)
        EXPECT_EQ(read_file(one), "the content\n");
    EXPECT_EQ(std::set<std::string>(kept.begin(), kept.end()).size(), std::size_t{k_threads});
    remove_old_logs(folder, limits);
    EXPECT_LT(names().size(), std::size_t{k_threads});
}

TEST_F(KeptLogs, ThatAreMissingAreNotKept) {
    EXPECT_EQ(keep_log_in(folder, path("none.log"), "dump", 42), "");
    EXPECT_FALSE(fs::exists(folder));
}

TEST_F(KeptLogs, LeaveNothingWhenTheyCannotBeKept) {
    write("logs", "a file in place of the folder");
    EXPECT_EQ(keep_log_in(folder, write("dump.log", "x"), "dump", 42), "");
}

} // namespace
} // namespace cedana
