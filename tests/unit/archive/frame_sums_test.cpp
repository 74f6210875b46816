// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_sums.hpp"

#include <utility>

#include <gtest/gtest.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {
namespace {

FrameIndex two_images() {
    FrameIndex index;
    ImageRecord first;
    first.name = "a.img";
    first.method = Method::zstd;
    first.size = k_frame_size + 10;
    append_frame(first, 100, k_frame_size, {});
    append_frame(first, 20, 10, {});
    index.images.insert(std::move(first));
    ImageRecord second;
    second.name = "b b.img";
    index.images.insert(std::move(second));
    return index;
}

FrameSums sums_of_two() {
    FrameSums sums;
    sums.set("a.img", {0x0123456789abcdef, 7});
    sums.set("b b.img", {});
    return sums;
}

constexpr std::string_view k_two = "cedana-sums 1 xxh3-64\n"
                                   "image 2 a.img\n"
                                   "0123456789abcdef\n"
                                   "0000000000000007\n"
                                   "image 0 b b.img\n"
                                   "end 2\n";

TEST(FrameSums, AreWrittenAsTheyAreRead) {
    EXPECT_EQ(write_sums(sums_of_two()), k_two);
    EXPECT_EQ(read_sums(k_two, two_images()), sums_of_two());
    EXPECT_EQ(read_sums(k_two, two_images()).at("a.img", 1), 7U);
}

TEST(FrameSums, OfTwoWritersAreThoseOfOne) {
    FrameSums first;
    first.set("b b.img", {});
    FrameSums second;
    second.set("a.img", {0x0123456789abcdef, 7});
    first.add(second);
    EXPECT_EQ(write_sums(first), k_two);
}

TEST(FrameSums, AreThoseOfXxh3) {
    // XXH3_64bits() of nothing, from its own test vectors (tests/sanity_test_vectors.h).
    EXPECT_EQ(frame_sum({}), 0x2D06800538D394C2U);
    EXPECT_NE(frame_sum(bytes("a")), frame_sum(bytes("b")));
}

TEST(FrameSums, AreRefusedWhenAnythingElseIsThere) {
    const std::string right(k_two);
    for (std::size_t i = 0; i < right.size(); ++i) {
        std::string wrong = right;
        wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
        EXPECT_EQ(outcome_of([&] { static_cast<void>(read_sums(wrong, two_images())); }).fault, Fault::checkpoint) << i;
        EXPECT_EQ(outcome_of([&] { static_cast<void>(read_sums(right.substr(0, i), two_images())); }).fault,
                  Fault::checkpoint);
    }
    EXPECT_EQ(outcome_of([&] { static_cast<void>(read_sums(right + "\n", two_images())); }).fault, Fault::checkpoint);
    EXPECT_EQ(outcome_of([&] { static_cast<void>(read_sums(right, {})); }).fault, Fault::checkpoint);
}

} // namespace
} // namespace cedana::testing
