// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/process/file_watch.hpp"

#include <algorithm>
#include <csignal>
#include <functional>
#include <iterator>
#include <optional>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/process/forked.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using testing::Forked;
using Paths = std::vector<std::string>;

void write_to(const fs::path& path) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    [[maybe_unused]] const ssize_t written = ::write(file.get(), "text", 4);
}

void open_and_close(const fs::path& path, int flags) { const UniqueFd file = open_file(path, flags); }

// Runs `work` in a child, which is gone when this returns.
void in_child(const std::function<void()>& work) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        work();
        ::_exit(0);
    }
    ::waitpid(pid, nullptr, 0);
}

class WatchOf : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root: only it is told which files others write";
    }
    // What is seen of a process that does `work` while it is watched.
    WatchedFiles watch(
        const std::function<void()>& work, const std::function<void()>& meanwhile = [] {}) {
        Pipe begin = make_pipe();
        Pipe end = make_pipe();
        const Forked child([] {},
                           [&] {
                               char byte = 0;
                               [[maybe_unused]] const ssize_t got = ::read(begin.read_end.get(), &byte, 1);
                               work();
                               [[maybe_unused]] const ssize_t told = ::write(end.write_end.get(), "e", 1);
                               testing::stay();
                           });
        const Procfs procfs;
        FileWatch watched(procfs, read_tree(procfs, ProcessHandle::open(procfs, child.pid()), ::getpid()), ::getpid(),
                          told_of);
        [[maybe_unused]] const ssize_t told = ::write(begin.write_end.get(), "b", 1);
        meanwhile();
        char byte = 0;
        [[maybe_unused]] const ssize_t got = ::read(end.read_end.get(), &byte, 1);
        before_the_look();
        return watched.finish();
    }
    [[nodiscard]] Paths paths(
        const std::function<void()>& work, const std::function<void()>& meanwhile = [] {}) {
        const WatchedFiles seen = watch(work, meanwhile);
        EXPECT_EQ(seen.gaps, Paths());
        EXPECT_EQ(seen.written.unseen, Paths());
        Paths found;
        for (const WrittenFile& file : seen.written.files)
            found.push_back(file.path);
        std::ranges::sort(found);
        return found;
    }
    [[nodiscard]] fs::path at(const std::string& name) const { return folder.path() / name; }

    // In memory, so that thousands of files take no time.
    ToldOf told_of = ToldOf::by_handles;
    // Once the work is done, and nothing of it was looked at.
    std::function<void()> before_the_look = [] {};
    TempDir folder = TempDir(fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path(), "watch-test");
};

TEST_F(WatchOf, AProcessSeesWhatItWritesAndCloses) {
    EXPECT_EQ(paths([&] { write_to(at("a")); }), Paths{at("a")});
    EXPECT_EQ(paths([&] { open_and_close(at("a"), O_RDONLY); }), Paths());
}

TEST_F(WatchOf, AProcessFollowsAFileToItsLastName) {
    EXPECT_EQ(paths([&] {
                  write_to(at("new"));
                  fs::rename(at("new"), at("old"));
                  // A second version takes the place of the first.
                  write_to(at("new"));
                  fs::rename(at("new"), at("old"));
              }),
              Paths{at("old")});
}

TEST_F(WatchOf, AProcessFollowsAFileIntoAnotherFolder) {
    fs::create_directory(at("there"));
    EXPECT_EQ(paths([&] {
                  write_to(at("new"));
                  fs::rename(at("new"), at("there") / "old");
              }),
              Paths{at("there") / "old"});
}

TEST_F(WatchOf, AProcessFindsTheNameThatAFileGotByALink) {
    EXPECT_EQ(paths([&] {
                  write_to(at("new"));
                  fs::create_hard_link(at("new"), at("linked"));
                  fs::remove(at("new"));
              }),
              Paths{at("linked")});
    EXPECT_EQ(paths([&] {
                  const UniqueFd file = open_file(folder.path(), O_TMPFILE | O_WRONLY, 0600);
                  ::linkat(AT_FDCWD, fmt::format("/proc/self/fd/{}", file.get()).c_str(), AT_FDCWD,
                           at("nameless").c_str(), AT_SYMLINK_FOLLOW);
              }),
              Paths{at("nameless")});
}

void link_elsewhere(const fs::path& from, const fs::path& to) {
    write_to(from);
    fs::create_hard_link(from, to);
    fs::remove(from);
}

TEST_F(WatchOf, AProcessFindsTheNameThatAFileGotInAnotherFolder) {
    fs::create_directory(at("there"));
    EXPECT_EQ(paths([&] { link_elsewhere(at("new"), at("there") / "linked"); }), Paths{at("there") / "linked"});
}

TEST_F(WatchOf, AProcessSaysOfWhichFilesItDoesNotKnowTheName) {
    told_of = ToldOf::by_opening;
    fs::create_directory(at("there"));
    const WatchedFiles seen = watch([&] { link_elsewhere(at("new"), at("there") / "linked"); });
    EXPECT_TRUE(seen.written.files.empty());
    EXPECT_EQ(seen.gaps, Paths{"1 of the files that it wrote are not where it wrote them"});
}

TEST_F(WatchOf, AProcessKeepsOfSeveralNamesThatByWhichItWasWritten) {
    write_to(at("first"));
    fs::create_hard_link(at("first"), at("second"));
    fs::create_hard_link(at("first"), at("third"));
    EXPECT_EQ(paths([&] { write_to(at("second")); }), Paths{at("second")});
}

TEST_F(WatchOf, AProcessBreaksNoLease) {
    UniqueFd leased;
    before_the_look = [&] {
        leased = open_file(at("a"), O_RDWR);
        ASSERT_EQ(::fcntl(leased.get(), F_SETLEASE, F_WRLCK), 0);
    };
    const auto ignored = std::signal(SIGIO, SIG_IGN);
    EXPECT_EQ(paths([&] { write_to(at("a")); }), Paths{at("a")});
    EXPECT_EQ(::fcntl(leased.get(), F_GETLEASE), F_WRLCK);
    std::signal(SIGIO, ignored);
}

TEST_F(WatchOf, AProcessWorksWhereTheKernelOpensTheFiles) {
    told_of = ToldOf::by_opening;
    EXPECT_EQ(paths([&] {
                  write_to(at("new"));
                  fs::rename(at("new"), at("old"));
                  in_child([&] { write_to(at("by-a-child")); });
              }),
              (Paths{at("by-a-child"), at("old")}));
}

TEST_F(WatchOf, AProcessOnAnOverlaySeesNothingOfItsUpperFolder) {
    for (const char* const name : {"lower", "upper", "work", "merged"})
        fs::create_directory(at(name));
    const std::string options = fmt::format("lowerdir={},upperdir={},workdir={}", at("lower").string(),
                                            at("upper").string(), at("work").string());
    if (::mount("overlay", at("merged").c_str(), "overlay", 0, options.c_str()) != 0)
        GTEST_SKIP() << "no overlay can be mounted here";
    for (const ToldOf one : {ToldOf::by_handles, ToldOf::by_opening}) {
        told_of = one;
        EXPECT_EQ(paths([&] { write_to(at("merged") / "a"); }), Paths{at("merged") / "a"});
    }
    ::umount2(at("merged").c_str(), MNT_DETACH);
}

TEST_F(WatchOf, AProcessForgetsWhatIsDeleted) {
    EXPECT_EQ(paths([&] {
                  write_to(at("a"));
                  fs::remove(at("a"));
              }),
              Paths());
}

TEST_F(WatchOf, ATreeSeesWhatIsWrittenByAChildThatIsGone) {
    EXPECT_EQ(paths([&] { in_child([&] { write_to(at("a")); }); }), Paths{at("a")});
    EXPECT_EQ(paths([&] { in_child([&] { in_child([&] { write_to(at("b")); }); }); }), Paths{at("b")});
}

TEST_F(WatchOf, ATreeSeesWhatIsWrittenByAChildThatHasLeftIt) {
    EXPECT_EQ(paths([&] {
                  Pipe done = make_pipe();
                  in_child([&] {
                      if (::fork() != 0)
                          return;
                      write_to(at("a"));
                      [[maybe_unused]] const ssize_t told = ::write(done.write_end.get(), "d", 1);
                  });
                  char byte = 0;
                  [[maybe_unused]] const ssize_t got = ::read(done.read_end.get(), &byte, 1);
              }),
              Paths{at("a")});
}

TEST_F(WatchOf, AProcessDoesNotSeeWhatOthersWrite) {
    EXPECT_EQ(paths([] {},
                    [&] {
                        write_to(at("by-this"));
                        in_child([&] { write_to(at("by-another")); });
                    }),
              Paths());
}

TEST_F(WatchOf, AProcessDoesNotSeeDevicesOrPipes) {
    EXPECT_EQ(paths([&] {
                  open_and_close("/dev/null", O_WRONLY);
                  ::mkfifo(at("fifo").c_str(), 0600);
                  open_and_close(at("fifo"), O_RDWR);
              }),
              Paths());
}

TEST_F(WatchOf, AProcessReachesItsOwnMountsOfTheSameFileSystem) {
    EXPECT_EQ(paths([&] {
                  in_child([&] {
                      if (::unshare(CLONE_NEWNS) != 0 ||
                          ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
                          ::_exit(1);
                      write_to(at("a"));
                  });
              }),
              Paths{at("a")});
}

TEST_F(WatchOf, AProcessKeepsABoundedNumberOfFiles) {
    const WatchedFiles seen = watch([&] {
        for (std::size_t i = 0; i < k_most_watched_files + 10; ++i)
            write_to(at(std::to_string(i)));
    });
    EXPECT_EQ(seen.written.files.size(), k_most_watched_files);
    EXPECT_EQ(seen.gaps, Paths{fmt::format("it wrote more than {} files", k_most_watched_files)});
}

TEST_F(WatchOf, AProcessDoesNotCountTemporaryFiles) {
    EXPECT_EQ(paths([&] {
                  for (std::size_t i = 0; i < k_most_watched_files + 10; ++i) {
                      write_to(at("temporary"));
                      fs::remove(at("temporary"));
                  }
                  write_to(at("a"));
              }),
              Paths{at("a")});
}

TEST_F(WatchOf, AProcessSaysWhenTheKernelLeftSomethingOut) {
    const WatchedFiles seen = watch([&] {
        // More than the queue holds (16,384 unless it was changed).
        for (std::size_t i = 0; i < 20'000; ++i)
            write_to(at(std::to_string(i)));
    });
    EXPECT_EQ(
        std::ranges::count_if(seen.gaps, [](const std::string& gap) { return gap.find("max_queued") != gap.npos; }), 1);
}

TEST_F(WatchOf, AProcessLeavesNothingOpen) {
    const auto count = [] { return std::distance(fs::directory_iterator("/proc/self/fd"), {}); };
    const auto before = count();
    watch([&] {
        for (int i = 0; i < 100; ++i)
            write_to(at(std::to_string(i)));
    });
    EXPECT_EQ(count(), before);
}

} // namespace
} // namespace cedana
