// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/treemap.hpp"

#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace cedana {
namespace {

constexpr Rectangle k_room{10, 20, 600, 300};

double area(const Rectangle& one) { return one.width * one.height; }

bool overlap(const Rectangle& a, const Rectangle& b) {
    constexpr double k_rounding = 1e-6;
    return a.x + a.width > b.x + k_rounding && b.x + b.width > a.x + k_rounding && a.y + a.height > b.y + k_rounding &&
           b.y + b.height > a.y + k_rounding;
}

TEST(Treemap, GivesEachValueItsShareOfTheRoom) {
    const std::vector<double> values = {6, 1, 3, 2, 4, 2, 1e-6, 500};
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    const auto tiles = treemap(values, k_room);
    ASSERT_EQ(tiles.size(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        EXPECT_NEAR(area(tiles[i]), values[i] / sum * area(k_room), 1e-3) << i;
}

TEST(Treemap, NeitherOverlapsNorLeavesTheRoom) {
    std::vector<double> values;
    for (int i = 1; i <= 40; ++i)
        values.push_back(1.0 + (i * 37) % 23);
    const auto tiles = treemap(values, k_room);
    for (std::size_t i = 0; i < tiles.size(); ++i) {
        EXPECT_GE(tiles[i].x, k_room.x - 1e-6);
        EXPECT_GE(tiles[i].y, k_room.y - 1e-6);
        EXPECT_LE(tiles[i].x + tiles[i].width, k_room.x + k_room.width + 1e-6);
        EXPECT_LE(tiles[i].y + tiles[i].height, k_room.y + k_room.height + 1e-6);
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_FALSE(overlap(tiles[i], tiles[j])) << i << " and " << j;
    }
}

TEST(Treemap, IsNearToSquares) {
    const std::vector<double> equal(12, 1.0);
    for (const Rectangle& tile : treemap(equal, k_room))
        EXPECT_LT(std::max(tile.width / tile.height, tile.height / tile.width), 2.1);
}

TEST(Treemap, HasNoAreaForNothing) {
    const auto tiles = treemap(std::vector<double>{0, 5, -1}, k_room);
    EXPECT_EQ(area(tiles[0]), 0);
    EXPECT_NEAR(area(tiles[1]), area(k_room), 1e-6);
    EXPECT_EQ(area(tiles[2]), 0);
    EXPECT_TRUE(treemap({}, k_room).empty());
}

} // namespace
} // namespace cedana
