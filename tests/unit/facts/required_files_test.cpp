// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/required_files.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class RequiredFiles : public test::InTempFolder {
  protected:
    // As a process finds them that has run `set_up`.
    static std::vector<RequiredFile> of_child(const std::function<void()>& set_up) {
        const Forked child(set_up);
        const Procfs procfs;
        return required_files(procfs, testing::Look(procfs, child.pid()).holdings);
    }
    static std::optional<RequiredFile> find(const std::vector<RequiredFile>& files, const fs::path& path) {
        const auto found = std::ranges::find(files, fs::canonical(path).string(), &RequiredFile::path);
        return found == files.end() ? std::nullopt : std::optional(*found);
    }
};

TEST_F(RequiredFiles, AreTheProgramAndItsFolders) {
    const fs::path folder = path(".");
    const auto files = of_child([&] { ASSERT_EQ(::chdir(folder.c_str()), 0); });
    const auto program = find(files, "/proc/self/exe");
    ASSERT_TRUE(program);
    EXPECT_EQ(program->kind, RequiredKind::file);
    EXPECT_EQ(program->size, fs::file_size("/proc/self/exe"));
    ASSERT_TRUE(find(files, folder));
    EXPECT_EQ(find(files, folder)->kind, RequiredKind::folder);
    EXPECT_TRUE(find(files, "/"));
}

TEST_F(RequiredFiles, AreLibrariesThatAreMapped) {
    const auto files = of_child([] {});
    EXPECT_TRUE(std::ranges::any_of(files, [](const RequiredFile& file) {
        return file.path.find("/libc.so") != std::string::npos && file.size > 0;
    }));
}

TEST_F(RequiredFiles, AreOpenFilesThatAreReadAlone) {
    const fs::path read = write("read", "12345");
    const auto files = of_child([&] { ASSERT_GE(::open(read.c_str(), O_RDONLY), 0); });
    ASSERT_TRUE(find(files, read));
    EXPECT_EQ(find(files, read)->size, 5U);
}

TEST_F(RequiredFiles, AreNotThoseThatSomebodyInTheTreeWritesTo) {
    const fs::path written = write("written", "12345");
    const auto files = of_child([&] {
        ASSERT_GE(::open(written.c_str(), O_RDONLY), 0);
        ASSERT_GE(::open(written.c_str(), O_WRONLY | O_APPEND), 0);
    });
    EXPECT_FALSE(find(files, written));
}

TEST_F(RequiredFiles, AreNotThoseWithoutAName) {
    const fs::path gone = write("gone", "12345");
    const auto files = of_child([&] {
        ASSERT_GE(::open(gone.c_str(), O_RDONLY), 0);
        ASSERT_EQ(::unlink(gone.c_str()), 0);
    });
    EXPECT_TRUE(std::ranges::none_of(
        files, [](const RequiredFile& file) { return file.path.find("gone") != std::string::npos; }));
}

TEST_F(RequiredFiles, AreNotWhatTheKernelMakesUp) {
    const auto files = of_child([] { ASSERT_GE(::open("/proc/self/maps", O_RDONLY), 0); });
    EXPECT_TRUE(std::ranges::none_of(files, [](const RequiredFile& file) { return file.path.starts_with("/proc"); }));
}

TEST_F(RequiredFiles, AreDevicesByTheirNameAlone) {
    const auto files = of_child([] { ASSERT_GE(::open("/dev/zero", O_RDONLY), 0); });
    ASSERT_TRUE(find(files, "/dev/zero"));
    EXPECT_EQ(find(files, "/dev/zero")->kind, RequiredKind::other);
}

} // namespace
} // namespace cedana::testing
