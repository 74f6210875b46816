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

// /dev/tty of session 6, dumped as an external terminal; that of a container's console; a pseudo terminal.
constexpr unsigned k_external = 5;
constexpr unsigned k_dev_tty = 0x500;

std::string info_of(unsigned number, unsigned type, unsigned session, unsigned device) {
    return field(1, number) + field(2, type) + field(3, 0) + field(6, session) + field(8, device) + field(13, 6);
}

std::string opened_terminal(unsigned number, unsigned info, const std::string& more = "") {
    const std::string owner = field(1, 0) + field(2, 0) + field(3, 0) + field(4, 0) + field(5, 0);
    return field(1, 11) + field(2, number) +
           field(19, field(1, number) + field(2, info) + field(3, 0x8002) + field(4, owner) + more);
}

TEST(DevTty, ThatWasDumpedAsAnExternalTerminalGetsAName) {
    const std::string terminals =
        image(magic::terminals, {info_of(2026, k_external, 6, k_dev_tty), info_of(2028, k_external, 6, 0x8800),
                                 info_of(0, 1, 6, 0x8800)});
    const std::string regular = field(1, 1) + field(2, 9) + field(3, field(1, 9));
    const std::string owner = field(1, 0) + field(2, 0) + field(3, 0) + field(4, 0) + field(5, 0);
    const std::string named =
        field(1, 10) + field(2, 0x8002) + field(3, 0) + field(5, owner) + field(6, std::string("/dev/tty"));
    EXPECT_EQ(with_dev_tty_named(image(magic::files, {opened_terminal(4, 0), opened_terminal(5, 2026),
                                                      opened_terminal(6, 2028), regular}),
                                 terminals),
              image(magic::files, {opened_terminal(4, 0), field(1, 1) + field(2, 10) + field(3, named),
                                   opened_terminal(5, 2026, field(6, 10)), opened_terminal(6, 2028), regular}));
    EXPECT_FALSE(
        with_dev_tty_named(image(magic::files, {regular}), image(magic::terminals, {info_of(0, 1, 6, 0x8800)})));
}

TEST(DevTty, IsOpenedAtOnceUnlessItsLeaderIsInTheTree) {
    const TreeThreads tree{.root = 7, .process_of = {}, .groups = {7, 8}};
    const auto terminals = [](unsigned session, unsigned device) {
        return image(magic::terminals, {info_of(2026, k_external, session, device), info_of(0, 1, 6, 0x8800)});
    };
    EXPECT_EQ(with_dev_tty_at_once(terminals(6, k_dev_tty), tree), terminals(0, 0x501));
    EXPECT_FALSE(with_dev_tty_at_once(terminals(8, k_dev_tty), tree));
    EXPECT_FALSE(with_dev_tty_at_once(terminals(6, 0x8800), tree));
}

TEST(ForegroundGroup, ThatHasEndedIsTheLeaders) {
    const TreeThreads tree{.root = 7, .process_of = {}, .groups = {7, 8}};
    EXPECT_EQ(with_living_foreground_groups(terminal_of(8, 9), tree), terminal_of(8, 8));
    EXPECT_FALSE(with_living_foreground_groups(terminal_of(8, 8), tree));
    EXPECT_FALSE(with_living_foreground_groups(terminal_of(7, 8), tree));
    EXPECT_FALSE(with_living_foreground_groups(terminal_of(6, 9), tree)) << "its session is not the tree's";
    EXPECT_FALSE(with_living_foreground_groups(terminal_of(0, 0), tree)) << "it is nobody's";
}

TEST(PosixLocks, ThatCriuHasDroppedAreAdded) {
    const DumpedLock kept{.kind = LockKind::posix, .is_exclusive = true, .pid = 42, .fd = 3, .start = 0, .length = 0};
    const DumpedLock dropped{
        .kind = LockKind::posix, .is_exclusive = false, .pid = 43, .fd = 3, .start = 100, .length = 1};
    const MendedImage first = with_posix_locks("", {kept});
    ASSERT_TRUE(first);
    EXPECT_EQ(parse_file_locks(*first), std::vector{kept});
    EXPECT_EQ(with_posix_locks(*first, {kept}), std::nullopt);
    const MendedImage both = with_posix_locks(*first, {kept, dropped});
    ASSERT_TRUE(both);
    EXPECT_EQ(parse_file_locks(*both), (std::vector{kept, dropped}));
}

} // namespace
} // namespace cedana::criu
