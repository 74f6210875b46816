// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/memory.hpp"
#include "cedana/process/page_table.hpp"

#include <vector>

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

namespace cedana {
namespace {

constexpr std::size_t k_pages = 64;

class PagesOfMine : public ::testing::Test {
  protected:
    void SetUp() override {
        void* const memory = ::mmap(nullptr, k_pages * page_size(), PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        ASSERT_NE(memory, MAP_FAILED);
        memory_ = static_cast<volatile char*>(memory);
        // A page at a time.
        ::madvise(memory, k_pages * page_size(), MADV_NOHUGEPAGE);
    }
    void TearDown() override { ::munmap(const_cast<char*>(memory_), k_pages * page_size()); }

    [[nodiscard]] std::uint64_t address(std::size_t page) const {
        return reinterpret_cast<std::uint64_t>(memory_) + page * page_size();
    }
    void write(std::size_t page) const { memory_[page * page_size()] = 1; }
    void read(std::size_t page) const { static_cast<void>(memory_[page * page_size()]); }
    [[nodiscard]] PageRange pages(std::size_t first, std::size_t last) const {
        return {.start = address(first), .end = address(last + 1)};
    }
    [[nodiscard]] std::vector<PageRange> dumped() const {
        return PageTable::open(::getpid())->dumped(pages(0, k_pages - 1)).value();
    }

    volatile char* memory_ = nullptr;
};

TEST_F(PagesOfMine, ThatWereWrittenToAreDumped) {
    for (const std::size_t page : {3U, 4U, 5U, 9U, 63U})
        write(page);
    EXPECT_EQ(dumped(), (std::vector<PageRange>{pages(3, 5), pages(9, 9), pages(63, 63)}));
}

TEST_F(PagesOfMine, OfZerosAreNot) {
    read(7);
    EXPECT_EQ(dumped(), std::vector<PageRange>());
}

TEST_F(PagesOfMine, AreToldOneByOne) {
    write(1);
    std::vector<PageEntry> entries(3);
    ASSERT_EQ(PageTable::open(::getpid())->read(address(0), entries), 3U);
    EXPECT_FALSE(entries[0].is_present());
    EXPECT_TRUE(entries[1].is_present());
    EXPECT_FALSE(entries[1].is_of_file());
    EXPECT_FALSE(entries[2].is_present());
}

TEST_F(PagesOfMine, AreCleanUntilTheyAreWrittenTo) {
    if (!kernel_tracks_writes())
        GTEST_SKIP() << "this kernel does not tell which memory is written to";
    write(1);
    write(2);
    ASSERT_TRUE(track_writes(::getpid()));
    write(2);
    std::vector<PageEntry> entries(3);
    ASSERT_EQ(PageTable::open(::getpid())->read(address(0), entries), 3U);
    EXPECT_FALSE(entries[1].is_soft_dirty());
    EXPECT_TRUE(entries[2].is_soft_dirty());
}

TEST(PageTable, OfNobodyIsAbsent) { EXPECT_FALSE(PageTable::open(0)); }

} // namespace
} // namespace cedana
