// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/base/memory_folder.hpp"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace cedana {
namespace {

constexpr std::uint64_t k_room = 1024UL * 1024;
constexpr std::size_t k_page_bytes = 4096;

class MemoryFolderTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!folder)
            GTEST_SKIP() << "this process may make no folder in memory";
    }
    [[nodiscard]] UniqueFd make(const std::string& name) const {
        return UniqueFd(::openat(folder->fd(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    }

    std::optional<MemoryFolder> folder = MemoryFolder::make(k_room, Swap::possible);
};

TEST_F(MemoryFolderTest, LiesNowhereAndKeepsFiles) {
    const std::string mounts = read_file("/proc/self/mountinfo");
    write_all(make("one").get(), std::string_view("kept"), "one");
    const UniqueFd again(::openat(folder->fd(), "one", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(read_all(again.get(), "one", 100), "kept");
    EXPECT_EQ(read_file("/proc/self/mountinfo"), mounts);
}

TEST_F(MemoryFolderTest, TellsWhatItsFilesTake) {
    const std::uint64_t before = folder->bytes();
    write_all(make("one").get(), std::string(k_page_bytes + 1, 'x'), "one");
    EXPECT_EQ(folder->bytes() - before, 2 * k_page_bytes);
    EXPECT_FALSE(folder->is_full());
}

// Whatever pages the kernel takes for them.
TEST_F(MemoryFolderTest, TakesNoMoreForLargeFilesThanTheirSize) {
    folder = MemoryFolder::make(16 * k_room, Swap::possible);
    const std::string content(5 * k_room + 1, 'x');
    write_all(make("one").get(), content, "one");
    EXPECT_LE(folder->bytes(), content.size() + 2 * k_page_bytes);
    const UniqueFd again(::openat(folder->fd(), "one", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(read_all(again.get(), "one", content.size() + 1), content);
}

TEST_F(MemoryFolderTest, IsFullOnceItHasRefusedSomething) {
    const UniqueFd file = make("one");
    const std::string more(k_room, 'x');
    while (::write(file.get(), more.data(), more.size()) > 0) {}
    EXPECT_EQ(errno, ENOSPC);
    EXPECT_TRUE(folder->is_full());
}

TEST_F(MemoryFolderTest, TakesNoMoreOnceItWasToldSo) {
    const UniqueFd file = make("one");
    write_all(file.get(), std::string(10 * k_page_bytes, 'x'), "one");
    folder->take_no_more();
    const std::string more(3 * k_page_bytes, 'x');
    ssize_t written = 0;
    while (written <= static_cast<ssize_t>(k_page_bytes) && written >= 0)
        written = ::write(file.get(), more.data(), more.size());
    EXPECT_EQ(written, -1);
    EXPECT_EQ(errno, ENOSPC);
}

// CRIU would fail amid a tree that stands still.
TEST_F(MemoryFolderTest, IsNotMadeWhereFilesMayNotBecomeSoLarge) {
    const auto made_with_limit = [](rlim_t bytes) {
        const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        ::_exit(MemoryFolder::make(k_room, Swap::possible) ? 1 : 0);
    };
    EXPECT_EXIT(made_with_limit(k_room - 1), ::testing::ExitedWithCode(0), "");
    EXPECT_EXIT(made_with_limit(k_room), ::testing::ExitedWithCode(1), "");
}

} // namespace
} // namespace cedana
