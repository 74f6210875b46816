// SPDX-License-Identifier: Apache-2.0
#include "cedana/files/sparse_copy.hpp"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

constexpr std::uint64_t k_all = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t k_tib = 1ULL << 40;

class SparseFile : public test::InTempFolder {
  protected:
    // With a word at each place, of this size.
    UniqueFd make(const std::string& name, std::uint64_t size, const std::vector<std::uint64_t>& places) const {
        UniqueFd fd = open_file(path(name), O_RDWR | O_CREAT, 0600);
        EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
        for (const std::uint64_t place : places)
            EXPECT_EQ(::pwrite(fd.get(), "word", 4, static_cast<off_t>(place)), 4);
        return fd;
    }
    std::optional<std::string> digest(const UniqueFd& fd, std::uint64_t size, std::uint64_t bound = k_all) const {
        return blocks_digest({.fd = fd.get(), .path = path("a"), .size = size, .bound = bound}, [] {});
    }
};

TEST_F(SparseFile, OfATebibyteIsDigestedWithoutItsHoles) {
    const UniqueFd file = make("a", k_tib, {1ULL << 37, 3ULL << 37});
    EXPECT_TRUE(digest(file, k_tib, 4UL * 1024 * 1024));
}

TEST_F(SparseFile, HasTheDigestOfOneWithoutHoles) {
    const UniqueFd sparse = make("a", 300'000, {100'000});
    const UniqueFd filled = make("b", 0, {});
    std::string content(300'000, '\0');
    content.replace(100'000, 4, "word");
    write_all(filled.get(), content, path("b"));
    EXPECT_EQ(digest(sparse, 300'000), digest(filled, 300'000));
}

TEST_F(SparseFile, HasAnotherDigestIfSomethingIsElsewhere) {
    EXPECT_NE(digest(make("a", k_tib, {4096}), k_tib), digest(make("b", k_tib, {8192}), k_tib));
    EXPECT_NE(digest(make("c", k_tib, {4096}), k_tib), digest(make("d", k_tib, {4100}), k_tib));
}

TEST_F(SparseFile, ThatHoldsMoreThanTheBoundHasNone) {
    const UniqueFd file = make("a", k_tib, {0, 1ULL << 30});
    EXPECT_FALSE(digest(file, k_tib, 4096));
}

TEST_F(SparseFile, ThatEndsBeforeHasNone) { EXPECT_FALSE(digest(make("a", 4096, {0}), 8192)); }

TEST_F(SparseFile, ThatOthersHaveOpenKeepsItsPosition) {
    const UniqueFd file = make("a", 100'000, {50'000});
    ::lseek(file.get(), 17, SEEK_SET);
    std::uint64_t bytes = 0;
    EXPECT_EQ(read_pieces({.fd = file.get(), .position = FilePosition::shared, .path = path("a"), .size = 100'000},
                          [&](std::uint64_t, std::span<const std::byte> data) { bytes += data.size(); }),
              true);
    EXPECT_EQ(bytes, 100'000U);
    EXPECT_EQ(::lseek(file.get(), 0, SEEK_CUR), 17);
}

} // namespace
} // namespace cedana
