// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/criu/image_folder.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>

#include "unit/criu/capture_fixture.hpp"

namespace cedana::criu {
namespace {

class ImageFolderTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto memory = MemoryFolder::make(16UL * 1024 * 1024, Swap::possible);
        if (!memory)
            GTEST_SKIP() << "this process may make no folder in memory";
        folder.emplace(std::move(*memory));
    }
    void write(const std::string& name, const std::string& content) const {
        const UniqueFd file(::openat(folder->folder().fd(), name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        write_all(file.get(), content, name);
    }

    const Interrupt none = Interrupt::none();
    testing::MemorySink sink;
    std::optional<ImageFolder> folder;
};

TEST_F(ImageFolderTest, GivesAllInTheOrderInWhichTheyWereBegun) {
    write("pstree.img", "first");
    write("core-7.img", std::string(1000, 'c'));
    write("inventory.img", "");
    const ReadImages read = folder->read_into(sink, none);
    EXPECT_EQ(sink.names, (std::vector<std::string>{"pstree.img", "core-7.img", "inventory.img"}));
    EXPECT_EQ(sink.contents, (std::vector<std::string>{"first", std::string(1000, 'c'), ""}));
    EXPECT_EQ(sink.ended.size(), 3U);
    EXPECT_EQ(read.images, 3U);
    EXPECT_EQ(read.bytes, 1005U);
}

TEST_F(ImageFolderTest, RefersToLargeOnesWhereTheyLie) {
    const std::string pages = std::string(300'000, 'a') + std::string(12'345, 'b');
    write("pages-1.img", pages);
    write("core-7.img", "small");
    static_cast<void>(folder->read_into(sink, none));
    EXPECT_EQ(sink.contents, (std::vector<std::string>{pages, "small"}));
    EXPECT_EQ(sink.referred, pages.size());
}

TEST_F(ImageFolderTest, FreesItsMemoryBeforeItEnds) {
    write("pages-1.img", std::string(300'000, 'a'));
    write("core-7.img", "small");
    static_cast<void>(folder->read_into(sink, none));
    EXPECT_GT(folder->folder().bytes(), 0U);
    folder->remove_images();
    EXPECT_EQ(folder->folder().bytes(), 0U);
}

} // namespace
} // namespace cedana::criu
