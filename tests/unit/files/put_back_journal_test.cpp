// SPDX-License-Identifier: Apache-2.0
// What is done to files by a restore that is killed, at each moment of it, and then undone by another process.
#include "cedana/base/files.hpp"
#include "cedana/files/put_back.hpp"
#include "cedana/files/put_back_journal.hpp"

#include <csignal>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::system_clock::time_point k_when{std::chrono::seconds(1'795'494'702)};

// Kills its process when it is asked for the content, or after all was given.
Content journalled(std::string text, bool killing = false) {
    return [text = std::move(text), killing, given = false]() mutable {
        if (killing)
            ::kill(::getpid(), SIGKILL);
        const std::span<const std::byte> all = std::as_bytes(std::span(text));
        return std::exchange(given, true) ? all.first(0) : all;
    };
}

class WithText : public test::InTempFolder {
  protected:
    [[nodiscard]] std::string read(const std::string& name) const { return read_file(path(name)); }
};

class KilledPutBack : public WithText {
  protected:
    KilledPutBack() { fs::create_directory(folder); }

    static CapturedFile captured(const std::string& content) {
        return {.size = content.size(), .mode = 0600, .owner = ::geteuid(), .group = ::getegid()};
    }
    // Runs it in a process that is killed at its end, or before.
    pid_t killed(const std::function<void(PutBack&)>& work) const {
        const pid_t pid = ::fork();
        if (pid == 0) {
            PutBack changes(k_when, journal);
            work(changes);
            ::kill(::getpid(), SIGKILL);
        }
        int status = 0;
        ::waitpid(pid, &status, 0);
        EXPECT_TRUE(WIFSIGNALED(status));
        return pid;
    }
    // Whether each could be undone.
    std::vector<bool> undo(pid_t writer) const {
        std::vector<bool> done;
        PutBackUndo killed(writer);
        const std::vector<PutBackStep> steps = read_journal(journal);
        for (auto step = steps.rbegin(); step != steps.rend(); ++step)
            done.push_back(killed.undo(*step));
        return done;
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(folder))
            found.push_back(entry.path().filename());
        return found;
    }

    const fs::path folder = fs::canonical(path("")) / "folder";
    const fs::path file = folder / "log";
    const fs::path journal = fs::canonical(path("")) / "journal";
};

TEST_F(KilledPutBack, GivesAFileItsContentAgain) {
    write("folder/log", "of now");
    const pid_t writer =
        killed([&](PutBack& changes) { changes.replace(FilePlace(file), captured("of then"), journalled("of then")); });
    ASSERT_EQ(read("folder/log"), "of then");
    EXPECT_EQ(undo(writer), std::vector<bool>{true});
    EXPECT_EQ(read("folder/log"), "of now");
    EXPECT_EQ(names(), std::vector<std::string>{"log"});
}

TEST_F(KilledPutBack, RemovesAFileThatWasNotThere) {
    const pid_t writer =
        killed([&](PutBack& changes) { changes.replace(FilePlace(file), captured("of then"), journalled("of then")); });
    ASSERT_EQ(read("folder/log"), "of then");
    EXPECT_EQ(undo(writer), std::vector<bool>{true});
    EXPECT_EQ(names(), std::vector<std::string>());
}

TEST_F(KilledPutBack, AmidAContentLeavesTheFileAsItWas) {
    write("folder/log", "of now");
    const pid_t writer = killed(
        [&](PutBack& changes) { changes.replace(FilePlace(file), captured("of then"), journalled("of then", true)); });
    EXPECT_EQ(undo(writer), std::vector<bool>{true});
    EXPECT_EQ(read("folder/log"), "of now");
    EXPECT_EQ(names(), std::vector<std::string>{"log"});
}

TEST_F(KilledPutBack, GivesACutFileItsEndAgain) {
    write("folder/log", "of then and of now");
    const pid_t writer = killed([&](PutBack& changes) { changes.cut(FilePlace(file), captured("of then")); });
    ASSERT_EQ(read("folder/log"), "of then");
    EXPECT_EQ(undo(writer), std::vector<bool>{true});
    EXPECT_EQ(read("folder/log"), "of then and of now");
    EXPECT_EQ(names(), std::vector<std::string>{"log"});
}

TEST_F(KilledPutBack, IsUndoneOnceAndNoMore) {
    write("folder/log", "of now");
    const pid_t writer =
        killed([&](PutBack& changes) { changes.replace(FilePlace(file), captured("of then"), journalled("of then")); });
    undo(writer);
    EXPECT_EQ(undo(writer), std::vector<bool>{true});
    EXPECT_EQ(read("folder/log"), "of now");
}

TEST_F(KilledPutBack, IsNotUndoneUnderAFileThatWasWrittenToSince) {
    write("folder/log", "of now");
    const pid_t writer =
        killed([&](PutBack& changes) { changes.replace(FilePlace(file), captured("of then"), journalled("of then")); });
    write("folder/log", "written by somebody");
    EXPECT_EQ(undo(writer), std::vector<bool>{false});
    EXPECT_EQ(read("folder/log"), "written by somebody");
    EXPECT_EQ(read("folder/log.cedana-backup-20261124T043142Z"), "of now");
}

TEST_F(KilledPutBack, HasNothingToUndoAfterItWasCommitted) {
    write("folder/log", "of now");
    const pid_t writer = killed([&](PutBack& changes) {
        changes.replace(FilePlace(file), captured("of then"), journalled("of then"));
        changes.commit();
    });
    EXPECT_EQ(undo(writer), std::vector<bool>());
    EXPECT_EQ(read("folder/log"), "of then");
}

// What was noted but not done, and what was done by half.
class NotedStep : public KilledPutBack {
  protected:
    NotedStep() { write("folder/log", "of now"); }

    [[nodiscard]] PutBackStep noted() const {
        PutBackStep step{.path = file, .backup = "log.cedana-backup-X"};
        step.put.st_ino = 1;
        return step;
    }
};

TEST_F(NotedStep, WithoutABackupChangesNothing) {
    EXPECT_TRUE(PutBackUndo(::getpid()).undo(noted()));
    EXPECT_EQ(read("folder/log"), "of now");
}

TEST_F(NotedStep, WithABackupOfTheSameFileOnlyLosesThat) {
    fs::create_hard_link(file, folder / "log.cedana-backup-X");
    EXPECT_TRUE(PutBackUndo(::getpid()).undo(noted()));
    EXPECT_EQ(names(), std::vector<std::string>{"log"});
}

TEST_F(NotedStep, WhoseOnlyNameIsTheBackupGetsItsOwnAgain) {
    fs::rename(file, folder / "log.cedana-backup-X");
    EXPECT_TRUE(PutBackUndo(::getpid()).undo(noted()));
    EXPECT_EQ(read("folder/log"), "of now");
}

TEST_F(NotedStep, LosesTheFileThatWasBegunBesideIt) {
    write("folder/.cedana-put-back-77-1", "half");
    write("folder/.cedana-put-back-78-1", "of a restore that goes on");
    EXPECT_TRUE(PutBackUndo(77).undo(noted()));
    EXPECT_FALSE(fs::exists(folder / ".cedana-put-back-77-1"));
    EXPECT_TRUE(fs::exists(folder / ".cedana-put-back-78-1"));
}

class Journal : public WithText {};

TEST_F(Journal, KeepsPathsOfAnyBytes) {
    const std::string name = "/a\n\xff b";
    PutBackJournal(path("j")).add({.path = name, .backup = "\x01"});
    const auto steps = read_journal(path("j"));
    ASSERT_EQ(steps.size(), 1U);
    EXPECT_EQ(steps[0].path, name);
    EXPECT_EQ(steps[0].backup, "\x01");
}

TEST_F(Journal, OfOnePathHoldsItsLastStep) {
    const PutBackJournal journal(path("j"));
    journal.add({.path = "/a"});
    journal.add({.path = "/b"});
    journal.add({.path = "/a", .backup = "x"});
    const auto steps = read_journal(path("j"));
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[1].backup, "x");
}

TEST_F(Journal, IsReadUpToAStepThatWasNotWrittenWhole) {
    PutBackJournal(path("j")).add({.path = "/a"});
    const std::string whole = read("j");
    write("j", whole + whole.substr(0, whole.size() - 1));
    EXPECT_EQ(read_journal(path("j")).size(), 1U);
}

TEST_F(Journal, ThatIsMissingIsEmpty) { EXPECT_TRUE(read_journal(path("no")).empty()); }

} // namespace
} // namespace cedana
