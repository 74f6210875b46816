// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/lazy/fill_workers.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include <poll.h>

#include "unit/lazy/lazy_process.hpp"

namespace cedana::criu::test {
namespace {

constexpr std::size_t k_all_pages = 16;
constexpr std::size_t k_pages_of_piece = 4;

// One process with sixteen pages that are missing, in four pieces.
class WorkersOfAFill : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string reason = why_no_userfault(); !reason.empty())
            GTEST_SKIP() << reason;
        process.emplace(memory, [this](const WatchedProcess::Line&) {
            for (std::size_t page = 0; page < k_all_pages; ++page)
                if (!holds_page(memory.page(page), page))
                    return false;
            return true;
        });
        map = {.pages_id = 1, .runs = {{.address = memory.address(0), .pages = k_all_pages, .first = 0, .lazy = true}}};
        PendingPages pending(k_page);
        pending.add({.address = memory.address(0), .page = 0, .count = k_all_pages});
        space = std::make_shared<LazySpace>(UserFault(process->take_fault()), std::move(pending),
                                            std::vector<AddressRange>{}, k_page);
        workers.emplace(
            map.lazy_pages(), [this] { return source.reader(); },
            FillOptions{.threads = 2, .piece_size = k_pages_of_piece * k_page});
    }
    void TearDown() override {
        source.release_all();
        workers.reset();
    }
    // Until as many pages are left, or a thread has failed.
    void wait_until_left(std::uint64_t pages) {
        constexpr int k_limit_ms = 60'000;
        while (space->pending() > pages) {
            pollfd entry{.fd = workers->news(), .events = POLLIN, .revents = 0};
            ASSERT_EQ(::poll(&entry, 1, k_limit_ms), 1);
            workers->clear_news();
            workers->rethrow_failure();
        }
    }

    Memory memory{k_all_pages};
    Source source{k_pages_of_piece};
    std::optional<WatchedProcess> process;
    Pagemap map;
    std::shared_ptr<LazySpace> space;
    std::optional<FillWorkers> workers;
};

TEST_F(WorkersOfAFill, CountWhatIsStillToBeHandedOver) {
    EXPECT_EQ(workers->progress().bytes_left, k_all_pages * k_page);
    FillWorkers::Image& image = workers->begin_task(map);
    EXPECT_EQ(workers->progress().bytes_left, 0U);
    workers->add(image, space);
    EXPECT_EQ(workers->progress().bytes_left, k_all_pages * k_page);
    EXPECT_EQ(workers->progress().bytes_total, k_all_pages * k_page);
}

TEST_F(WorkersOfAFill, BringOnlyPiecesThatSomebodyWaitsForBeforeTheTreeGoesOn) {
    FillWorkers::Image& image = workers->begin_task(map);
    workers->add(image, space);
    workers->want(image, space, {5, 13});
    wait_until_left(k_all_pages - 2 * k_pages_of_piece);
    EXPECT_EQ(workers->progress().pages_wanted, 2U);
    EXPECT_FALSE(workers->tree_goes_on());
    std::vector<std::uint64_t> asked = source.asked();
    std::sort(asked.begin(), asked.end());
    EXPECT_EQ(asked, (std::vector<std::uint64_t>{1, 3}));
}

TEST_F(WorkersOfAFill, BringAllPiecesOnceTheTreeGoesOn) {
    workers->add(workers->begin_task(map), space);
    workers->let_tree_go_on();
    wait_until_left(0);
    EXPECT_EQ(workers->progress().bytes_left, 0U);
    process->line().say();
    EXPECT_TRUE(process->was_right());
}

TEST_F(WorkersOfAFill, GoOnWithTheOthersWhileOnePieceIsSlow) {
    source.hold(0);
    workers->add(workers->begin_task(map), space);
    workers->let_tree_go_on();
    wait_until_left(k_pages_of_piece);
    EXPECT_EQ(space->next_pending(0), 0U);
    source.release(0);
    wait_until_left(0);
}

TEST_F(WorkersOfAFill, TellOfTheirFailure) {
    source.fail_at(2);
    workers->add(workers->begin_task(map), space);
    workers->let_tree_go_on();
    try {
        wait_until_left(0);
        FAIL() << "all pages came";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::checkpoint);
    }
}

TEST_F(WorkersOfAFill, EndWhileAPieceIsPending) {
    workers->add(workers->begin_task(map), space);
    workers->let_tree_go_on();
    workers.reset();
}

TEST_F(WorkersOfAFill, BringNothingIntoASpaceThatWasRemoved) {
    FillWorkers::Image& image = workers->begin_task(map);
    workers->add(image, space);
    workers->remove(image, space);
    workers->let_tree_go_on();
    EXPECT_TRUE(workers->spaces().empty());
    EXPECT_EQ(workers->progress().bytes_left, 0U);
    EXPECT_TRUE(source.asked().empty());
}

} // namespace
} // namespace cedana::criu::test
