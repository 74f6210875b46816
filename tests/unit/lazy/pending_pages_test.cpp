// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/pending_pages.hpp"

#include <cstdint>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

constexpr std::uint64_t k_page = 4096;
using Piece = PendingPages::Piece;
using Pieces = std::vector<Piece>;

// Pages 0 to 9 at 0x10000, pages 20 to 24 at 0x40000.
PendingPages two_pieces() {
    PendingPages pending(k_page);
    pending.add({.address = 0x10000, .page = 0, .count = 10});
    pending.add({.address = 0x40000, .page = 20, .count = 5});
    return pending;
}

TEST(PendingPages, AreFoundByTheirAddresses) {
    const PendingPages pending = two_pieces();
    EXPECT_EQ(pending.page_at(0x10000), 0U);
    EXPECT_EQ(pending.page_at(0x10000 + 9 * k_page + 17), 9U);
    EXPECT_EQ(pending.page_at(0x40000 + k_page), 21U);
    EXPECT_FALSE(pending.page_at(0x10000 - 1));
    EXPECT_FALSE(pending.page_at(0x10000 + 10 * k_page));
    EXPECT_FALSE(pending.page_at(0x40000 + 5 * k_page));
    EXPECT_EQ(pending.count(), 15U);
}

struct FirstCase {
    std::uint64_t from;
    std::uint64_t to;
    std::optional<Piece> expected;
};
class FirstOfPendingPages : public ::testing::TestWithParam<FirstCase> {};
TEST_P(FirstOfPendingPages, IsCutToWhatIsAskedFor) {
    EXPECT_EQ(two_pieces().first_of(GetParam().from, GetParam().to), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Ranges, FirstOfPendingPages,
    ::testing::Values(FirstCase{0, 100, Piece{.address = 0x10000, .page = 0, .count = 10}},
                      FirstCase{3, 5, Piece{.address = 0x10000 + 3 * k_page, .page = 3, .count = 2}},
                      FirstCase{9, 22, Piece{.address = 0x10000 + 9 * k_page, .page = 9, .count = 1}},
                      FirstCase{10, 22, Piece{.address = 0x40000, .page = 20, .count = 2}},
                      FirstCase{10, 20, std::nullopt}, FirstCase{25, 100, std::nullopt}));

TEST(PendingPages, ThatWerePutInPlaceAreNotPendingAnyMore) {
    PendingPages pending = two_pieces();
    pending.remove(4, 2);
    pending.remove(8, 14);
    EXPECT_EQ(pending.pieces(), (Pieces{{.address = 0x10000, .page = 0, .count = 4},
                                        {.address = 0x10000 + 6 * k_page, .page = 6, .count = 2},
                                        {.address = 0x40000 + 2 * k_page, .page = 22, .count = 3}}));
    EXPECT_EQ(pending.count(), 9U);
    pending.remove(0, 100);
    EXPECT_TRUE(pending.empty());
    EXPECT_EQ(pending.count(), 0U);
}

TEST(PendingPages, OfAnUnmappedRangeAreGivenBack) {
    PendingPages pending = two_pieces();
    const Pieces dropped = pending.unmap(0x10000 + 8 * k_page, 0x40000 + k_page);
    EXPECT_EQ(dropped, (Pieces{{.address = 0x10000 + 8 * k_page, .page = 8, .count = 2},
                               {.address = 0x40000, .page = 20, .count = 1}}));
    EXPECT_EQ(pending.count(), 12U);
    EXPECT_FALSE(pending.page_at(0x40000));
    EXPECT_EQ(pending.page_at(0x40000 + k_page), 21U);
}

TEST(PendingPages, FollowTheirMappingWhenItIsMoved) {
    PendingPages pending = two_pieces();
    pending.move(0x10000 + 2 * k_page, 0x90000, 3 * k_page);
    EXPECT_EQ(pending.page_at(0x90000), 2U);
    EXPECT_EQ(pending.page_at(0x90000 + 2 * k_page), 4U);
    EXPECT_FALSE(pending.page_at(0x90000 + 3 * k_page));
    EXPECT_FALSE(pending.page_at(0x10000 + 2 * k_page));
    EXPECT_EQ(pending.page_at(0x10000 + 5 * k_page), 5U);
    EXPECT_EQ(pending.count(), 15U);
}

TEST(PendingPages, WhereAMappingIsMovedToAreDropped) {
    PendingPages pending = two_pieces();
    pending.move(0x10000, 0x40000, 2 * k_page);
    EXPECT_EQ(pending.page_at(0x40000), 0U);
    EXPECT_EQ(pending.page_at(0x40000 + 2 * k_page), 22U);
    EXPECT_EQ(pending.count(), 13U);
}

// A map from address to page, page by page, does the same slowly.
TEST(PendingPages, AgreeWithAPlainMapAfterManyChanges) {
    constexpr std::uint64_t k_pages = 200;
    std::mt19937_64 random(1);
    for (int round = 0; round < 200; ++round) {
        PendingPages pending(k_page);
        std::map<std::uint64_t, std::uint64_t> plain;
        pending.add({.address = 0, .page = 0, .count = k_pages});
        for (std::uint64_t page = 0; page < k_pages; ++page)
            plain[page] = page;
        for (int change = 0; change < 20; ++change) {
            const std::uint64_t from = random() % (3 * k_pages);
            const std::uint64_t count = 1 + random() % 30;
            switch (random() % 3) {
            case 0:
                pending.remove(from, count);
                std::erase_if(plain, [&](const auto& at) { return at.second >= from && at.second < from + count; });
                break;
            case 1:
                pending.unmap(from * k_page, (from + count) * k_page);
                std::erase_if(plain, [&](const auto& at) { return at.first >= from && at.first < from + count; });
                break;
            default: {
                const std::uint64_t to = from + count + random() % k_pages;
                std::map<std::uint64_t, std::uint64_t> moved;
                for (std::uint64_t at = from; at < from + count; ++at)
                    if (plain.contains(at))
                        moved[at - from + to] = plain[at];
                std::erase_if(plain, [&](const auto& at) {
                    return (at.first >= from && at.first < from + count) || (at.first >= to && at.first < to + count);
                });
                plain.merge(moved);
                pending.move(from * k_page, to * k_page, count * k_page);
            }
            }
        }
        ASSERT_EQ(pending.count(), plain.size());
        for (std::uint64_t at = 0; at < 10 * k_pages; ++at)
            ASSERT_EQ(pending.page_at(at * k_page), plain.contains(at) ? std::optional(plain[at]) : std::nullopt);
    }
}

} // namespace
} // namespace cedana::criu
