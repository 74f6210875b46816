// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/codec.hpp"
#include "cedana/archive/frame_pool.hpp"
#include "cedana/base/units.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/mman.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {
namespace {

std::vector<std::byte*> take_all(FramePool& pool) {
    std::vector<std::byte*> frames;
    while (std::byte* frame = pool.take())
        frames.push_back(frame);
    return frames;
}

void await_touched(const FramePool& pool) {
    pollfd event{.fd = pool.touched(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&event, 1, 60'000), 1);
}

// Pages of a frame that are in memory.
std::size_t resident_pages(std::byte* frame) {
    std::vector<unsigned char> pages(k_frame_size / 4096);
    EXPECT_EQ(::mincore(frame, k_frame_size, pages.data()), 0);
    return static_cast<std::size_t>(std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; }));
}

TEST(FramePool, HoldsAsManyFramesAsTheBoundHasRoomFor) {
    FramePool pool(20 * k_mib + 5, 0);
    EXPECT_EQ(pool.capacity(), 20U);
    EXPECT_EQ(take_all(pool).size(), 20U);
}

TEST(FramePool, HoldsSixteenFramesAtLeast) { EXPECT_EQ(FramePool(0, 0).capacity(), 16U); }

TEST(FramePool, GivesUpWhatWasNotTouched) {
    FramePool pool(60 * k_mib, 20 * k_mib);
    pool.bound_untouched(10 * k_mib);
    await_touched(pool);
    EXPECT_EQ(pool.capacity(), 30U);
    const auto frames = take_all(pool);
    EXPECT_EQ(frames.size(), 30U);
    // Fewer where the host is so busy that the time for it runs out.
    EXPECT_LE(std::ranges::count_if(frames, [](std::byte* frame) { return resident_pages(frame) > 0; }), 20);
}

TEST(FramePool, KeepsWhatFitsAndSixteenFramesAtLeast) {
    FramePool wide(60 * k_mib, 20 * k_mib);
    wide.bound_untouched(80 * k_mib);
    EXPECT_EQ(wide.capacity(), 60U);
    FramePool narrow(60 * k_mib, 0);
    narrow.bound_untouched(0);
    EXPECT_EQ(take_all(narrow).size(), 16U);
}

TEST(FramePool, GivesNoneWhenAllAreTaken) {
    FramePool pool(0, 0);
    take_all(pool);
    EXPECT_EQ(pool.take(), nullptr);
    EXPECT_EQ(pool.free_frames(), 0U);
}

TEST(FramePool, GivesFramesThatDoNotOverlap) {
    FramePool pool(0, 0);
    std::vector<std::byte*> frames = take_all(pool);
    std::ranges::sort(frames);
    EXPECT_EQ(std::ranges::adjacent_find(
                  frames, [](const std::byte* a, const std::byte* b) { return b - a < std::ptrdiff_t{k_frame_size}; }),
              frames.end());
}

TEST(FramePool, GivesTheFrameThatCameBackLast) {
    FramePool pool(0, 0);
    std::byte* const frame = pool.take();
    pool.give_back(frame);
    EXPECT_EQ(pool.free_frames(), 16U);
    EXPECT_EQ(pool.take(), frame);
}

TEST(FramePool, GivesTouchedFramesFirst) {
    FramePool pool(64 * k_mib, 3 * k_mib);
    await_touched(pool);
    EXPECT_EQ(resident_pages(pool.take()), k_frame_size / 4096);
    EXPECT_EQ(resident_pages(pool.take()), k_frame_size / 4096);
    EXPECT_EQ(resident_pages(pool.take()), k_frame_size / 4096);
}

TEST(FramePool, TouchesLittleWithoutHugePages) {
    FramePool pool(64 * k_mib, 5 * k_mib);
    await_touched(pool);
    const auto frames = take_all(pool);
    EXPECT_EQ(std::ranges::count_if(frames, [](std::byte* frame) { return resident_pages(frame) > 0; }), 5);
    EXPECT_FALSE(pool.is_worth_waiting());
}

TEST(FramePool, KeepsFramesThatWereTakenWhenItGivesUpOthers) {
    FramePool pool(20 * k_mib, 0);
    for (int i = 0; i < 18; ++i)
        EXPECT_NE(pool.take(), nullptr);
    pool.bound_untouched(0);
    EXPECT_EQ(pool.capacity(), 18U);
    EXPECT_EQ(pool.take(), nullptr);
}

TEST(FramePool, CanGoBeforeAllIsTouched) {
    const FramePool pool(512 * k_mib, 512 * k_mib);
    EXPECT_TRUE(pool.is_worth_waiting());
}

TEST(FramePool, TouchesNoMoreThanItHolds) {
    FramePool pool(16 * k_mib, 1000 * k_mib);
    await_touched(pool);
    EXPECT_EQ(resident_pages(take_all(pool).back()), k_frame_size / 4096);
}

TEST(FramePool, SaysWhatToChangeWhenThereIsNoRoom) {
    try {
        const FramePool pool(1UL << 60, 0);
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
        EXPECT_NE(error.hint().find("archive.buffer_mib"), std::string::npos);
    }
}

} // namespace
} // namespace cedana::testing
