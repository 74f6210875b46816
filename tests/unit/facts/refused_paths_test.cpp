// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/facts/refusal.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;
using testing::holds;

constexpr std::size_t k_longest = 4094;

// Below a folder of which `length` bytes of a path lead to where the child is.
std::vector<Refusal> refused_below(std::size_t length, const std::function<void()>& set_up) {
    const TempDir folder(std::filesystem::temp_directory_path(), "paths-test");
    const std::string top = std::filesystem::canonical(folder.path());
    const Forked child([&] {
        [[maybe_unused]] int gone = ::chdir(top.c_str());
        for (std::size_t at = top.size(); at < length;) {
            const std::size_t left = length - at - 1;
            const std::string name(left > 200 ? (left < 210 ? 100 : 200) : left, 'd');
            ::mkdir(name.c_str(), 0700);
            gone = ::chdir(name.c_str());
            at += name.size() + 1;
        }
        set_up();
    });
    const testing::Look look(Procfs(), child.pid());
    return refused_paths(Procfs(), look.holdings);
}

void leave() { [[maybe_unused]] const int gone = ::chdir("/"); }

TEST(RefusedPaths, AreNotThoseThatCriuReads) {
    const auto refusals = refused_below(k_longest, [] { ::open(".", O_RDONLY | O_DIRECTORY); });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

TEST(RefusedPaths, AreOfWorkingFolders) {
    for (const std::size_t length : {k_longest + 1, 2 * k_longest}) {
        const auto refusals = refused_below(length, [] {});
        ASSERT_EQ(refusals.size(), 1U) << length;
        EXPECT_TRUE(holds(refusals[0].sentence, "more than 4094 bytes (its working folder)")) << refusals[0].sentence;
    }
}

TEST(RefusedPaths, AreOfDescriptors) {
    for (const std::size_t length : {k_longest + 1, 2 * k_longest}) {
        const auto refusals = refused_below(length, [] {
            ::dup2(::open(".", O_RDONLY | O_DIRECTORY), 77);
            leave();
        });
        ASSERT_EQ(refusals.size(), 1U) << length;
        EXPECT_TRUE(holds(refusals[0].sentence, "(descriptor ")) << refusals[0].sentence;
    }
}

TEST(RefusedPaths, AreOfWhatWasRemovedWithALongName) {
    const auto refused_with = [](std::size_t length) {
        return refused_below(0, [&] {
            const std::string name(length, 'f');
            ::open(name.c_str(), O_RDWR | O_CREAT, 0600);
            ::unlink(name.c_str());
        });
    };
    EXPECT_TRUE(refused_with(237).empty());
    const auto refusals = refused_with(238);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "was removed")) << refusals[0].sentence;
}

TEST(RefusedPaths, AreNotOfMemoryWithALongName) {
    const std::string name(249, 'm');
    const auto refusals = refused_below(0, [&] { ::memfd_create(name.c_str(), 0); });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

// A descriptor can be gone at one read of /proc and there again at the next.
TEST(RefusedPaths, AreNotDescriptorsThatComeAndGo) {
    const Forked child([] {},
                       [] {
                           while (true)
                               ::close(::open("/dev/null", O_RDONLY));
                       });
    constexpr int k_looks = 2000;
    const testing::Look look(Procfs(), child.pid());
    for (int i = 0; i < k_looks; ++i)
        ASSERT_TRUE(refused_paths(Procfs(), look.holdings).empty()) << i;
}

TEST(RefusedPaths, AreOfMappedFiles) {
    const auto refusals = refused_below(2 * k_longest, [] {
        const int file = ::open("mapped", O_RDWR | O_CREAT, 0600);
        testing::must(::ftruncate(file, 4096) == 0);
        testing::must(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0) != MAP_FAILED);
        ::close(file);
        leave();
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "a file that it has mapped"));
}

} // namespace
} // namespace cedana
