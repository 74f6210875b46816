// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/byte_ranges.hpp"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace cedana {
namespace {

using Pairs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Pairs pairs_of(const ByteRanges& sent) {
    Pairs pairs;
    for (const ByteRange& range : sent.all())
        pairs.emplace_back(range.from, range.to);
    return pairs;
}

TEST(ByteRanges, JoinWhatTouches) {
    ByteRanges sent;
    sent.add({10, 20});
    sent.add({30, 40});
    sent.add({5, 5});
    EXPECT_EQ(pairs_of(sent), (Pairs{{10, 20}, {30, 40}}));
    sent.add({20, 30});
    sent.add({0, 5});
    EXPECT_EQ(pairs_of(sent), (Pairs{{0, 5}, {10, 40}}));
    sent.add({3, 50});
    EXPECT_EQ(pairs_of(sent), (Pairs{{0, 50}}));
}

TEST(ByteRanges, LoseWhatIsWrittenAnew) {
    ByteRanges sent;
    sent.add({0, 100});
    sent.remove({40, 60});
    EXPECT_EQ(pairs_of(sent), (Pairs{{0, 40}, {60, 100}}));
    sent.remove({30, 70});
    sent.remove({100, 200});
    EXPECT_EQ(pairs_of(sent), (Pairs{{0, 30}, {70, 100}}));
    sent.remove({0, 30});
    sent.remove({0, 1000});
    EXPECT_EQ(pairs_of(sent), Pairs());
}

TEST(ByteRanges, ContainWhatOneOfThemCovers) {
    ByteRanges sent;
    sent.add({10, 20});
    sent.add({30, 40});
    EXPECT_TRUE(sent.contains({10, 20}));
    EXPECT_FALSE(sent.contains({15, 35}));
    EXPECT_FALSE(sent.contains({5, 12}));
    sent.add({20, 30});
    EXPECT_TRUE(sent.contains({15, 35}));
}

} // namespace
} // namespace cedana
