// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/private_copy.hpp"

#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

class PrivateCopy : public test::InTempFolder {
  protected:
    PrivateCopy() { fs::create_directory(path("space")); }

    UniqueFd copy(CopySpace& space, const fs::path& file) {
        return space.copy(open_file(file, O_RDONLY).get(), file, fs::file_size(file));
    }
    static std::string content_of(const UniqueFd& copy) {
        EXPECT_EQ(::lseek(copy.get(), 0, SEEK_SET), 0);
        return read_all(copy.get(), "the copy", 128UL * 1024 * 1024);
    }
    static dev_t device_of(const UniqueFd& copy) {
        struct ::stat info {};
        EXPECT_EQ(::fstat(copy.get(), &info), 0);
        EXPECT_EQ(info.st_nlink, 0U);
        return info.st_dev;
    }
    dev_t device_of_folder() const {
        struct ::stat info {};
        EXPECT_EQ(::stat(path("space").c_str(), &info), 0);
        return info.st_dev;
    }
};

TEST_F(PrivateCopy, StaysAsItWasWhenTheFileChanges) {
    CopySpace space(path("space"), 1000);
    const fs::path file = write("file", "of then");
    const UniqueFd kept = copy(space, file);
    write("file", "of now");
    EXPECT_EQ(content_of(kept), "of then");
}

TEST_F(PrivateCopy, HasNoNameAnywhere) {
    CopySpace space(path("space"), 0);
    const UniqueFd kept = copy(space, write("file", "of then"));
    EXPECT_EQ(content_of(kept), "of then");
    EXPECT_TRUE(fs::is_empty(path("space")));
}

TEST_F(PrivateCopy, LiesInMemoryUpToTheBoundAndBehindItInTheFolder) {
    CopySpace space(path("space"), 10);
    EXPECT_NE(device_of(copy(space, write("a", "12345678"))), device_of_folder());
    EXPECT_EQ(device_of(copy(space, write("b", "12345678"))), device_of_folder());
    EXPECT_NE(device_of(copy(space, write("c", "12"))), device_of_folder());
}

TEST_F(PrivateCopy, OfALargeFileIsWhole) {
    CopySpace space(path("space"), 0);
    const std::string content = std::string(8'000'000, 'a') + "end";
    EXPECT_TRUE(content_of(copy(space, write("file", content))) == content);
}

TEST_F(PrivateCopy, OfASparseFileIsSparse) {
    CopySpace space(path("space"), 1'000'000);
    constexpr off_t k_size = 100'000'000;
    const fs::path file = write("file", "begin");
    ASSERT_EQ(::truncate(file.c_str(), k_size), 0);
    const UniqueFd kept = copy(space, file);
    struct ::stat info {};
    ASSERT_EQ(::fstat(kept.get(), &info), 0);
    EXPECT_EQ(info.st_size, k_size);
    EXPECT_LT(info.st_blocks, 100);
    EXPECT_EQ(content_of(kept).substr(0, 5), "begin");
}

TEST_F(PrivateCopy, OfAPartBeginsAndEndsWhereItIsTold) {
    const fs::path file = write("file", "0123456789");
    const UniqueFd to = open_file(path("to"), O_RDWR | O_CREAT, 0600);
    EXPECT_EQ(copy_bytes(open_file(file, O_RDONLY).get(), 3, 4, to.get(), file), 4U);
    EXPECT_EQ(content_of(to), "3456");
    EXPECT_EQ(copy_bytes(open_file(file, O_RDONLY).get(), 8, 4, to.get(), file), 2U);
}

} // namespace
} // namespace cedana
