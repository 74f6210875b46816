// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/image_mends.hpp"

#include <string>

#include <gtest/gtest.h>

#include <sys/stat.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;
using testing::image;
namespace magic = testing::magic;

// As CRIU 4.2.1 writes that of an open file.
std::string files_with(const std::string& name, unsigned mode) {
    const std::string owner = field(1, 0) + field(2, 0) + field(3, 0) + field(4, 0) + field(5, 0);
    const std::string reg =
        field(1, 7) + field(2, 0x10000) + field(3, 0) + field(5, owner) + field(6, name) + field(10, mode);
    return image(magic::files, {field(1, 1) + field(2, 7) + field(3, reg)});
}

TEST(ProcessFolder, EndsBehindThePid) {
    EXPECT_EQ(with_process_folders_named(files_with("/proc/1/\x10", S_IFDIR | 0555)),
              files_with("/proc/1", S_IFDIR | 0555));
    EXPECT_EQ(with_process_folders_named(files_with("/proc/4242/home/user/data", S_IFDIR | 0555)),
              files_with("/proc/4242", S_IFDIR | 0555));
}

TEST(ProcessFolder, IsLeftAloneIfItIsAnother) {
    for (const char* const name :
         {"/proc/1", "/proc/1/", "/proc/1/task", "/proc/1/task/2/fd", "/proc/1/fd", "/proc/sys/net", "/home/proc/1/x"})
        EXPECT_FALSE(with_process_folders_named(files_with(name, S_IFDIR | 0555))) << name;
    EXPECT_FALSE(with_process_folders_named(files_with("/proc/1/stat", S_IFREG | 0444)));
}

TEST(ProcessFolder, OfADamagedImageIsRefused) {
    const std::string files = files_with("/proc/1/x", S_IFDIR | 0555);
    // The two magic numbers alone are an image without files.
    constexpr std::size_t k_begin = 8;
    for (std::size_t length = k_begin + 1; length < files.size(); ++length)
        EXPECT_THROW(static_cast<void>(with_process_folders_named(files.substr(0, length))), Error) << length;
}

// As CRIU 4.2.1 writes that of a pseudo terminal, without its settings.
std::string terminal_of(unsigned session, unsigned group) {
    return image(magic::terminals, {field(1, 3) + field(2, 4) + field(3, 0) + field(4, 0) + field(5, 0) +
                                    field(6, session) + field(7, group) + field(8, 0x8803) + field(12, field(1, 3))});
}

TEST(ForegroundGroup, ThatHasEndedIsTheLeaders) {
    const TreeThreads tree{.root = 7, .process_of = {}, .groups = {7, 8}};
    EXPECT_EQ(with_living_foreground_groups(terminal_of(8, 9), tree), terminal_of(8, 8));
    EXPECT_FALSE(with_living_foreground_groups(terminal_of(8, 8), tree));
    EXPECT_FALSE(with_living_foreground_groups(terminal_of(7, 8), tree));
    EXPECT_FALSE(with_living_foreground_groups(terminal_of(6, 9), tree)) << "its session is not the tree's";
    EXPECT_FALSE(with_living_foreground_groups(terminal_of(0, 0), tree)) << "it is nobody's";
}

} // namespace
} // namespace cedana::criu
