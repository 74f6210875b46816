// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/process/written_files.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;
using testing::Forked;
using testing::keep;

class WrittenFilesOf : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { ::close_range(3, ~0U, 0); }
    WrittenFilesOf() { write_all(open_file(file, O_WRONLY | O_CREAT, 0644).get(), "content", file); }

    static std::unique_ptr<Forked> child(const std::function<void()>& set_up) {
        return std::make_unique<Forked>([&] {
            const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
            for (const int fd : {0, 1, 2})
                ::dup2(null, fd);
            set_up();
        });
    }
    static WrittenFiles files_of(const Forked& process) {
        return written_files(testing::Look(Procfs(), process.pid()).holdings);
    }
    static std::vector<std::string> paths_of(const WrittenFiles& written) {
        std::vector<std::string> paths;
        for (const WrittenFile& one : written.files)
            paths.push_back(one.path);
        return paths;
    }
    // Of a child with these open files.
    static std::vector<std::string> paths(const std::function<void()>& set_up) {
        return paths_of(files_of(*child(set_up)));
    }
    static std::vector<pid_t> outside(const fs::path& path, const std::vector<pid_t>& tree) {
        struct ::stat info {};
        EXPECT_EQ(::stat(path.c_str(), &info), 0);
        std::vector<pid_t> pids;
        for (const OutsideWriter& writer : outside_writers(Procfs(), {file_id(info)}, tree, ::getpid()))
            pids.push_back(writer.pid);
        return pids;
    }

    TempDir folder = TempDir(fs::canonical(fs::temp_directory_path()), "written-test");
    fs::path file = folder.path() / "file";
    using Paths = std::vector<std::string>;
};

void map_shared(const fs::path& path) {
    const UniqueFd fd = open_file(path, O_RDWR);
    testing::must(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0) != MAP_FAILED);
}

TEST_F(WrittenFilesOf, AProcessAreThoseThatItCanWriteTo) {
    EXPECT_EQ(paths([&] { keep(::open(file.c_str(), O_WRONLY)); }), Paths{file});
    EXPECT_EQ(paths([&] { keep(::open(file.c_str(), O_RDWR)); }), Paths{file});
    EXPECT_EQ(paths([&] { keep(::open(file.c_str(), O_RDONLY)); }), Paths());
    EXPECT_EQ(paths([&] { keep(::open(file.c_str(), O_PATH)); }), Paths());
}

TEST_F(WrittenFilesOf, AProcessAreThereOnceWithEveryUse) {
    const auto process = child([&] {
        keep(::open(file.c_str(), O_WRONLY | O_APPEND));
        keep(::open(file.c_str(), O_RDWR));
    });
    const WrittenFiles written = files_of(*process);
    ASSERT_EQ(paths_of(written), Paths{file});
    ASSERT_EQ(written.files[0].uses.size(), 2U);
    EXPECT_EQ(written.files[0].uses[0].pid, process->pid());
    EXPECT_TRUE(written.files[0].uses[0].appends());
    EXPECT_FALSE(written.files[0].uses[1].appends());
    EXPECT_FALSE(written.files[0].only_appended());
}

TEST_F(WrittenFilesOf, AProcessThatOnlyAppendsAreSaidToBeSo) {
    EXPECT_TRUE(files_of(*child([&] { keep(::open(file.c_str(), O_WRONLY | O_APPEND)); })).files.at(0).only_appended());
    // It can be mapped, and then be written to anywhere.
    EXPECT_FALSE(files_of(*child([&] { keep(::open(file.c_str(), O_RDWR | O_APPEND)); })).files.at(0).only_appended());
}

// /proc/PID/maps has it escaped, and a name that looks escaped not.
TEST_F(WrittenFilesOf, AProcessThatAreMappedMayHaveLineFeedsInTheirNames) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root: only it may look at the mapped files of a process";
    for (const char* name : {"two\nlines", "back\\012slash", "\n\\012"}) {
        const fs::path mapped = folder.path() / name;
        EXPECT_EQ(paths([&] {
                      const int fd = ::open(mapped.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
                      testing::must(::ftruncate(fd, 4096) == 0);
                      testing::must(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED);
                      ::close(fd);
                  }),
                  Paths{mapped});
    }
}

TEST_F(WrittenFilesOf, AProcessHaveTheirNameOfNow) {
    const fs::path renamed = folder.path() / "renamed";
    EXPECT_EQ(paths([&] {
                  keep(::open(file.c_str(), O_WRONLY));
                  fs::rename(file, renamed);
              }),
              Paths{renamed});
}

TEST_F(WrittenFilesOf, AProcessWithoutANameAreLeftToCriu) {
    const auto process = child([&] {
        keep(::open(file.c_str(), O_WRONLY));
        keep(static_cast<int>(::memfd_create("memory", 0)));
        ::unlink(file.c_str());
    });
    EXPECT_EQ(paths_of(files_of(*process)), Paths());
    EXPECT_EQ(files_of(*process).unseen, Paths());
}

TEST_F(WrittenFilesOf, AProcessWhoseNameIsGoneButNotTheOtherAreLeftToCriu) {
    const auto process = child([&] {
        keep(::open(file.c_str(), O_WRONLY));
        fs::create_hard_link(file, folder.path() / "other");
        ::unlink(file.c_str());
    });
    EXPECT_EQ(paths_of(files_of(*process)), Paths());
    EXPECT_EQ(files_of(*process).unseen, Paths());
}

TEST_F(WrittenFilesOf, AProcessMayBeCalledLikeADeletedOne) {
    const fs::path odd = folder.path() / "odd (deleted)";
    EXPECT_EQ(paths([&] { keep(::open(odd.c_str(), O_WRONLY | O_CREAT, 0600)); }), Paths{odd});
}

TEST_F(WrittenFilesOf, AProcessAreThereByEveryOpenName) {
    const fs::path other = folder.path() / "other";
    fs::create_hard_link(file, other);
    EXPECT_EQ(paths([&] {
                  keep(::open(file.c_str(), O_WRONLY));
                  keep(::open(other.c_str(), O_WRONLY));
              }),
              (Paths{file, other}));
}

TEST_F(WrittenFilesOf, AProcessAreNotDevicesOrPipes) {
    EXPECT_EQ(paths([] {
                  keep(::open("/dev/null", O_RDWR));
                  keep(::open("/proc/self/comm", O_RDWR));
                  const Pipe pipe = make_pipe();
                  keep(::dup(pipe.write_end.get()));
              }),
              Paths());
}

// For a child: one of its own has the file open for writing when this returns.
void open_in_child(const fs::path& file) {
    const Pipe ready = make_pipe();
    testing::fork_that_stays([&] {
        keep(::open(file.c_str(), O_WRONLY));
        testing::must(::write(ready.write_end.get(), "r", 1) == 1);
    });
    char byte = 0;
    testing::must(::read(ready.read_end.get(), &byte, 1) == 1);
}

TEST_F(WrittenFilesOf, ATreeAreThoseOfTheChildrenToo) {
    const auto process = child([&] { open_in_child(file); });
    EXPECT_EQ(paths_of(files_of(*process)), Paths{file});
}

TEST_F(WrittenFilesOf, AProcessInMemoryThatHasAFolderAreFilesToo) {
    if (!fs::is_directory("/dev/shm"))
        GTEST_SKIP() << "there is no /dev/shm";
    const TempDir shared("/dev/shm", "written-test");
    const fs::path path = shared.path() / "file";
    EXPECT_EQ(paths([&] { keep(::open(path.c_str(), O_WRONLY | O_CREAT, 0600)); }), Paths{path});
}

class MappedForWriting : public WrittenFilesOf {
  protected:
    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root: only it may look at the mapped files of a process";
    }
};

TEST_F(MappedForWriting, SharedIsLikeOpen) {
    const auto process = child([&] { map_shared(file); });
    const WrittenFiles written = files_of(*process);
    ASSERT_EQ(paths_of(written), Paths{file});
    EXPECT_EQ(written.files[0].uses, (std::vector<FileUse>{{.pid = process->pid(), .fd = -1, .flags = 0}}));
    EXPECT_FALSE(written.files[0].only_appended());
}

TEST_F(MappedForWriting, PrivatelyOrForReadingIsNot) {
    EXPECT_EQ(paths([&] {
                  const UniqueFd fd = open_file(file, O_RDONLY);
                  testing::must(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd.get(), 0) != MAP_FAILED);
                  testing::must(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd.get(), 0) != MAP_FAILED);
              }),
              Paths());
}

TEST_F(MappedForWriting, IsSeenOfAProcessOutside) {
    const auto process = child([&] { map_shared(file); });
    EXPECT_EQ(outside(file, {}), std::vector<pid_t>{process->pid()});
}

TEST_F(MappedForWriting, FilesInAnotherMountNamespaceAreToldButNotTaken) {
    const auto process = child([&] {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", folder.path().c_str(), "tmpfs", 0, nullptr) != 0)
            ::_exit(1);
        keep(::open(file.c_str(), O_WRONLY | O_CREAT, 0600));
    });
    if (!ProcessHandle::open(Procfs(), process->pid()).alive())
        GTEST_SKIP() << "may not mount here";
    EXPECT_EQ(paths_of(files_of(*process)), Paths());
    EXPECT_EQ(files_of(*process).unseen, Paths{file});
}

TEST_F(WrittenFilesOf, OthersAreSeen) {
    const auto writer = child([&] { keep(::open(file.c_str(), O_WRONLY)); });
    const auto reader = child([&] { keep(::open(file.c_str(), O_RDONLY)); });
    EXPECT_EQ(outside(file, {}), std::vector<pid_t>{writer->pid()});
    EXPECT_EQ(outside(file, {writer->pid()}), std::vector<pid_t>());
}

TEST_F(WrittenFilesOf, ThoseThatTheTreeHasStartedSinceAreNotOutside) {
    const auto shell = child([&] { open_in_child(file); });
    EXPECT_EQ(outside(file, {}).size(), 1U);
    EXPECT_EQ(outside(file, {shell->pid()}), std::vector<pid_t>());
}

TEST_F(WrittenFilesOf, ThisProcessDoesNotCount) {
    const UniqueFd open = open_file(file, O_WRONLY);
    EXPECT_EQ(outside(file, {}), std::vector<pid_t>());
}

TEST(KeptByFileSystem, IsWhatTheKernelDoesNotMakeUp) {
    for (const char* path : {"/var/log/a", "/dev/shm/a", "/process", "/system/a", "/developer/a", "/tmp/proc/a"})
        EXPECT_TRUE(is_kept_by_file_system(path)) << path;
    for (const char* path : {"/proc/1/oom_score_adj", "/sys/fs/cgroup/a/cgroup.procs", "/dev/null", "/dev/pts/1"})
        EXPECT_FALSE(is_kept_by_file_system(path)) << path;
}

} // namespace
} // namespace cedana
