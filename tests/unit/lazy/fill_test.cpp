// SPDX-License-Identifier: Apache-2.0
// The real thing but for CRIU: children of the test with memory that a userfaultfd watches, and pages that the test
// makes.
#include "cedana/base/error.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/lazy/fill.hpp"

#include <atomic>
#include <future>
#include <numeric>
#include <random>
#include <string_view>

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/lazy/lazy_process.hpp"

namespace cedana::criu::test {
namespace {

constexpr std::size_t k_pages = 64;
constexpr std::size_t k_pages_a_piece = 4;
using Line = WatchedProcess::Line;
using Numbers = std::vector<std::uint64_t>;

class Witness : public FillWitness {
  public:
    void opened(int /*fault*/, pid_t pid) override { opened_.push_back(pid); }
    void closing(int /*fault*/) override { ++closed_; }
    void tree_goes_on() override { ++goes_on_; }

    std::vector<pid_t> opened_;
    std::size_t closed_ = 0;
    int goes_on_ = 0;
};

// Page N of the image belongs to page N of the memory.
LazyTask all_of(const Memory& memory) {
    return {.map = {.pages_id = 1,
                    .runs = {{.address = memory.address(0), .pages = memory.pages(), .first = 0, .lazy = true}}},
            .wiped_on_fork = {}};
}

class LazyFilling : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string reason = why_no_userfault(); !reason.empty())
            GTEST_SKIP() << reason;
    }
    ~LazyFilling() override {
        // Whatever has failed: nobody waits for anybody any more.
        source.release_all();
        process_.reset();
        criu_.reset();
        if (running_.valid())
            running_.wait();
        fill_.reset();
    }

    void start(const WatchedProcess::Body& body) { process_.emplace(memory, body); }
    // Before the threads of the filling are there.
    void fill(LazyTask task, unsigned threads = 2) {
        auto [ours, theirs] = make_socket_pair(SOCK_STREAM);
        auto [channel, far_end] = make_socket_pair(SOCK_STREAM);
        criu_ = std::move(ours);
        ASSERT_EQ(send_with_fd(far_end.get(), "c", theirs.get()), 1);
        fill_.emplace(
            std::move(channel), std::map<pid_t, LazyTask>{{process().pid(), std::move(task)}},
            [this] { return source.reader(); }, witness,
            FillOptions{.threads = threads, .piece_size = k_pages_a_piece * k_page});
        running_ = std::async(std::launch::async, [this] { fill_->run([](const FillProgress&) {}); });
    }
    void say(std::int32_t number) const { ASSERT_EQ(::send(criu_.get(), &number, sizeof number, 0), 4); }
    void hand_over() {
        say(process().pid());
        const UniqueFd fault = process().take_fault();
        ASSERT_EQ(send_with_fd(criu_.get(), std::string_view("\0", 1), fault.get()), 1);
    }
    void let_tree_go_on() const { say(0x52535446); }
    // All that a restore does; the body begins while the tree stands still.
    void restore(LazyTask task, const WatchedProcess::Body& body, unsigned threads = 2) {
        start(body);
        fill(std::move(task), threads);
        hand_over();
        process().line().say();
        let_tree_go_on();
    }
    // Rethrows what ended it.
    void finish() { running_.get(); }
    [[nodiscard]] WatchedProcess& process() { return *process_; }
    [[nodiscard]] Fault fault_of_end() {
        try {
            finish();
        } catch (const Error& error) {
            return error.fault();
        }
        ADD_FAILURE() << "the filling ended well";
        return Fault::internal;
    }
    [[nodiscard]] FillProgress progress() const { return fill_->progress(); }
    void end_filling() { fill_.reset(); }
    void hang_up() { criu_.reset(); }
    [[nodiscard]] int criu_descriptor() const { return criu_.get(); }

    Memory memory{k_pages};
    Source source{k_pages_a_piece};
    Witness witness;

  private:
    std::optional<WatchedProcess> process_;
    UniqueFd criu_;
    std::optional<LazyFill> fill_;
    std::future<void> running_;
};

bool holds_all(const Memory& memory, std::size_t from = 0, std::size_t to = k_pages) {
    for (std::size_t page = from; page < to; ++page)
        if (!holds_page(memory.page(page), page))
            return false;
    return true;
}

TEST_F(LazyFilling, PutsAllPagesInPlace) {
    restore(all_of(memory), [&](const Line&) { return holds_all(memory); });
    EXPECT_TRUE(process().was_right());
    finish();
    EXPECT_EQ(progress().bytes_total, k_pages * k_page);
    EXPECT_EQ(progress().bytes_left, 0U);
    EXPECT_EQ(witness.opened_.size(), 1U);
    EXPECT_EQ(witness.closed_, 1U);
    EXPECT_EQ(witness.goes_on_, 1);
}

TEST_F(LazyFilling, OfAProcessThatTouchesNothingGoesFromTheFirstPieceToTheLast) {
    start([&](const Line& line) { return line.hear() && holds_all(memory); });
    fill(all_of(memory), 1);
    hand_over();
    process().line().say();
    let_tree_go_on();
    finish();
    Numbers all(k_pages / k_pages_a_piece);
    std::iota(all.begin(), all.end(), 0U);
    EXPECT_EQ(source.asked(), all);
    EXPECT_EQ(progress().pages_wanted, 0U);
    process().line().say();
    EXPECT_TRUE(process().was_right());
}

TEST_F(LazyFilling, BringsBeforeTheTreeGoesOnWhatIsTouchedAndNothingElse) {
    start([&](const Line& line) {
        for (const std::size_t page : {41U, 5U, 23U})
            if (!holds_page(memory.page(page), page))
                return false;
        line.say();
        return line.hear() && holds_all(memory);
    });
    fill(all_of(memory));
    hand_over();
    process().line().say();
    ASSERT_TRUE(process().line().hear());
    EXPECT_EQ(source.asked(), (Numbers{41 / k_pages_a_piece, 5 / k_pages_a_piece, 23 / k_pages_a_piece}));
    EXPECT_EQ(progress().pages_wanted, 3U);
    EXPECT_FALSE(progress().tree_goes_on);
    let_tree_go_on();
    process().line().say();
    EXPECT_TRUE(process().was_right());
    finish();
}

TEST_F(LazyFilling, ReadsEachPieceOnceForManyThreadsThatTouchItsPages) {
    restore(
        all_of(memory),
        [&](const Line&) {
            std::atomic<int> wrong = 0;
            std::vector<std::thread> threads;
            for (unsigned seed = 0; seed < 8; ++seed)
                threads.emplace_back([&, seed] {
                    Numbers order(k_pages);
                    std::iota(order.begin(), order.end(), 0U);
                    std::shuffle(order.begin(), order.end(), std::mt19937(seed));
                    for (const std::uint64_t page : order)
                        wrong += holds_page(memory.page(page), page) ? 0 : 1;
                });
            for (std::thread& thread : threads)
                thread.join();
            return wrong == 0;
        },
        4);
    EXPECT_TRUE(process().was_right());
    finish();
    Numbers asked = source.asked();
    std::sort(asked.begin(), asked.end());
    Numbers all(k_pages / k_pages_a_piece);
    std::iota(all.begin(), all.end(), 0U);
    EXPECT_EQ(asked, all);
}

TEST_F(LazyFilling, ServesWhatIsTouchedWhileAnotherPieceIsSlow) {
    source.hold(0);
    restore(all_of(memory), [&](const Line& line) {
        bool first = false;
        std::thread waits([&] { first = holds_page(memory.page(0), 0); });
        // The test has seen that the first is asked for.
        const bool goes_on = line.hear();
        const bool others = holds_all(memory, k_pages_a_piece);
        line.say();
        waits.join();
        return goes_on && others && first;
    });
    source.wait_until_asked(0);
    process().line().say();
    EXPECT_TRUE(process().line().hear());
    source.release(0);
    EXPECT_TRUE(process().was_right());
    finish();
}

// This is what CRIU's own daemon loses a request by.
TEST_F(LazyFilling, AnswersWhoeverWaitsWhileTheRestOfThePieceIsUnmapped) {
    source.hold(2);
    restore(all_of(memory), [&](const Line& line) {
        bool waiting = false;
        std::thread waits([&] { waiting = holds_page(memory.page(9), 9); });
        const bool goes_on = line.hear();
        ::munmap(memory.page(10), 4 * k_page);
        line.say();
        waits.join();
        return goes_on && waiting && holds_all(memory, 0, 10) && holds_all(memory, 14);
    });
    source.wait_until_asked(2);
    process().line().say();
    EXPECT_TRUE(process().line().hear());
    source.release(2);
    EXPECT_TRUE(process().was_right());
    finish();
    EXPECT_EQ(progress().bytes_left, 0U);
}

TEST_F(LazyFilling, LeavesZerosWhereTheProcessGaveItsPagesUp) {
    source.hold(2);
    restore(all_of(memory), [&](const Line& line) {
        ::madvise(memory.page(6), 8 * k_page, MADV_DONTNEED);
        line.say();
        bool zeros = line.hear();
        for (std::size_t page = 6; page < 14; ++page)
            zeros = zeros && holds_zeros(memory.page(page));
        return zeros && holds_all(memory, 0, 6) && holds_all(memory, 14);
    });
    EXPECT_TRUE(process().line().hear());
    source.release(2);
    process().line().say();
    EXPECT_TRUE(process().was_right());
    finish();
}

// Where they are moved to, and zeros where they were (MREMAP_DONTUNMAP leaves that mapping).
TEST_F(LazyFilling, FollowsPagesThatTheProcessMoves) {
    source.hold(2);
    source.hold(3);
    restore(all_of(memory), [&](const Line& line) {
        const Memory target(16);
        void* moved = ::mremap(memory.page(8), 8 * k_page, 8 * k_page, MREMAP_MAYMOVE | MREMAP_FIXED, target.page(4));
        void* also = ::mremap(memory.page(32), 4 * k_page, 4 * k_page, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
                              target.page(12));
        line.say();
        bool all = moved == target.page(4) && also == target.page(12) && line.hear();
        for (std::size_t page = 0; page < 8; ++page)
            all = all && holds_page(target.page(4 + page), 8 + page);
        for (std::size_t page = 0; page < 4; ++page)
            all = all && holds_page(target.page(12 + page), 32 + page) && holds_zeros(memory.page(32 + page));
        return all && holds_all(memory, 0, 8) && holds_all(memory, 16, 32) && holds_all(memory, 36);
    });
    EXPECT_TRUE(process().line().hear());
    source.release_all();
    process().line().say();
    EXPECT_TRUE(process().was_right());
    finish();
}

TEST_F(LazyFilling, ForgetsPagesOverWhichOthersAreMoved) {
    source.hold(0);
    restore(all_of(memory), [&](const Line& line) {
        void* moved = ::mremap(memory.page(0), 4 * k_page, 4 * k_page, MREMAP_MAYMOVE | MREMAP_FIXED, memory.page(40));
        line.say();
        bool all = moved == memory.page(40) && line.hear();
        for (std::size_t page = 0; page < 4; ++page)
            all = all && holds_page(memory.page(40 + page), page);
        return all && holds_all(memory, 4, 40) && holds_all(memory, 44);
    });
    EXPECT_TRUE(process().line().hear());
    source.release_all();
    process().line().say();
    EXPECT_TRUE(process().was_right());
    finish();
}

// Children of children; the last says so before it touches anything.
bool forks_and_holds(const Memory& memory, const Line& line, int generations) {
    const pid_t child = generations == 0 ? -1 : ::fork();
    if (child == 0)
        ::_exit(forks_and_holds(memory, line, generations - 1) ? 0 : 1);
    if (child < 0)
        line.say();
    const bool holds = holds_all(memory);
    int status = 0;
    return holds && (child < 0 || (::waitpid(child, &status, 0) == child && status == 0));
}

TEST_F(LazyFilling, FillsChildrenThatAreForkedMeanwhile) {
    constexpr int k_generations = 3;
    source.hold(3);
    restore(all_of(memory), [&](const Line& line) { return forks_and_holds(memory, line, k_generations); });
    EXPECT_TRUE(process().line().hear());
    source.release_all();
    EXPECT_TRUE(process().was_right());
    finish();
    EXPECT_EQ(witness.opened_.size(), 1U + k_generations);
    EXPECT_EQ(witness.closed_, 1U + k_generations);
    EXPECT_EQ(std::count(witness.opened_.begin(), witness.opened_.end(), 0), k_generations);
}

TEST_F(LazyFilling, FillsAChildThatLivesOnAfterItsParent) {
    source.hold(0);
    restore(all_of(memory), [&](const Line& line) {
        if (::fork() != 0)
            return true;
        // Its parent has ended.
        if (line.hear() && holds_all(memory))
            line.say();
        ::_exit(0);
    });
    EXPECT_TRUE(process().was_right());
    process().line().say();
    source.release_all();
    EXPECT_TRUE(process().line().hear());
    finish();
}

// A child of the process, which says so before it looks whether all is as `expected` says of each page; absent: zeros.
bool child_holds(const Line& line,
                 const std::vector<std::pair<const std::byte*, std::optional<std::uint64_t>>>& expected) {
    const pid_t child = ::fork();
    if (child == 0) {
        line.say();
        for (const auto& [at, page] : expected)
            if (page ? !holds_page(at, *page) : !holds_zeros(at))
                ::_exit(1);
        ::_exit(0);
    }
    int status = 0;
    return ::waitpid(child, &status, 0) == child && status == 0;
}

TEST_F(LazyFilling, GivesAChildZerosForWhatIsWipedOnFork) {
    LazyTask task = all_of(memory);
    task.wiped_on_fork = {{.start = memory.address(8), .end = memory.address(16)}};
    source.hold(2);
    restore(std::move(task), [&](const Line& line) {
        ::madvise(memory.page(8), 8 * k_page, MADV_WIPEONFORK);
        const bool wiped = child_holds(line, {{memory.page(7), 7}, {memory.page(8), {}}, {memory.page(15), {}}});
        return wiped && holds_all(memory);
    });
    EXPECT_TRUE(process().line().hear());
    source.release_all();
    EXPECT_TRUE(process().was_right());
    finish();
}

TEST_F(LazyFilling, GivesAChildZerosForWhatIsWipedOnForkAndWasMoved) {
    LazyTask task = all_of(memory);
    task.wiped_on_fork = {{.start = memory.address(8), .end = memory.address(16)}};
    for (const std::uint64_t piece : {2U, 3U})
        source.hold(piece);
    restore(std::move(task), [&](const Line& line) {
        const Memory target(4);
        ::madvise(memory.page(8), 8 * k_page, MADV_WIPEONFORK);
        ::mremap(memory.page(8), 4 * k_page, 4 * k_page, MREMAP_MAYMOVE | MREMAP_FIXED, target.page(0));
        const bool wiped = child_holds(line, {{target.page(0), {}}, {target.page(3), {}}, {memory.page(12), {}}});
        return wiped && holds_page(target.page(0), 8) && holds_all(memory, 12);
    });
    EXPECT_TRUE(process().line().hear());
    source.release_all();
    EXPECT_TRUE(process().was_right());
    finish();
}

TEST_F(LazyFilling, GivesAChildThePagesThatWereMovedToWhereOthersWereWiped) {
    LazyTask task = all_of(memory);
    task.wiped_on_fork = {{.start = memory.address(8), .end = memory.address(16)}};
    source.hold(5);
    restore(std::move(task), [&](const Line& line) {
        ::mremap(memory.page(20), 4 * k_page, 4 * k_page, MREMAP_MAYMOVE | MREMAP_FIXED, memory.page(8));
        return child_holds(line, {{memory.page(8), 20}, {memory.page(11), 23}}) && holds_page(memory.page(8), 20);
    });
    EXPECT_TRUE(process().line().hear());
    source.release_all();
    EXPECT_TRUE(process().was_right());
    finish();
}

TEST_F(LazyFilling, AnswersWithZerosWhereTheCheckpointHasNoPage) {
    LazyTask task = all_of(memory);
    task.map.runs = {{.address = memory.address(0), .pages = 8, .first = 0, .lazy = true},
                     {.address = memory.address(32), .pages = 8, .first = 8, .lazy = true},
                     {.address = memory.address(48), .pages = 8, .first = 16, .lazy = false}};
    source.hold(0);
    restore(std::move(task), [&](const Line& line) {
        const bool zeros = holds_zeros(memory.page(20)) && holds_zeros(memory.page(50));
        line.say();
        return zeros && holds_all(memory, 0, 8) && holds_page(memory.page(32), 8) && holds_page(memory.page(39), 15);
    });
    EXPECT_TRUE(process().line().hear());
    source.release_all();
    EXPECT_TRUE(process().was_right());
    finish();
    EXPECT_EQ(progress().bytes_total, 16 * k_page);
}

// A run of pages that crosses the borders of mappings, which one ioctl must not.
TEST_F(LazyFilling, CrossesTheBordersOfMappings) {
    restore(all_of(memory), [&](const Line&) {
        // Each page of an own kind beside its neighbours.
        for (std::size_t page = 0; page < k_pages; page += 2)
            ::mprotect(memory.page(page), k_page, PROT_READ);
        return holds_all(memory);
    });
    EXPECT_TRUE(process().was_right());
    finish();
}

TEST_F(LazyFilling, KeepsWhatIsThereAlready) {
    source.hold(0);
    start([&](const Line& line) {
        line.say();
        return line.hear() && holds_page(memory.page(1), 1000) && holds_page(memory.page(0), 0) && holds_all(memory, 2);
    });
    process().line().say();
    ASSERT_TRUE(process().line().hear());
    std::vector<std::byte> other(k_page);
    make_page(other.data(), 1000);
    const UniqueFd fault = process().take_fault();
    ASSERT_EQ(UserFault(UniqueFd(::dup(fault.get()))).copy(memory.address(1), other).outcome, UserFault::Outcome::done);
    fill(all_of(memory));
    say(process().pid());
    ASSERT_EQ(send_with_fd(criu_descriptor(), std::string_view("\0", 1), fault.get()), 1);
    let_tree_go_on();
    source.release_all();
    finish();
    process().line().say();
    EXPECT_TRUE(process().was_right());
}

TEST_F(LazyFilling, EndsWithTheErrorOfItsSource) {
    source.fail_at(7);
    restore(all_of(memory), [&](const Line&) { return holds_all(memory); });
    EXPECT_EQ(fault_of_end(), Fault::checkpoint);
    // Whoever waits for a page waits on, and no thread of the filling does any more.
    end_filling();
}

TEST_F(LazyFilling, EndsOnceTheProcessIsGone) {
    source.hold(3);
    restore(all_of(memory), [&](const Line&) { return holds_all(memory); });
    source.wait_until_asked(3);
    process().kill();
    source.release_all();
    finish();
    EXPECT_EQ(progress().bytes_left, 0U);
    EXPECT_EQ(witness.closed_, 1U);
}

TEST_F(LazyFilling, IsInterruptedWhenCriuGoesBeforeTheTreeGoesOn) {
    start([&](const Line&) { return holds_all(memory); });
    fill(all_of(memory));
    hand_over();
    process().line().say();
    hang_up();
    EXPECT_EQ(fault_of_end(), Fault::interrupted);
}

TEST_F(LazyFilling, GoesOnWithoutCriuOnceTheTreeGoesOn) {
    source.hold(0);
    restore(all_of(memory), [&](const Line&) { return holds_all(memory); });
    hang_up();
    source.release_all();
    EXPECT_TRUE(process().was_right());
    finish();
}

TEST_F(LazyFilling, RefusesAProcessThatIsNotInTheCheckpoint) {
    start([&](const Line&) { return true; });
    fill(all_of(memory));
    say(process().pid() + 1);
    const UniqueFd fault = process().take_fault();
    ASSERT_EQ(send_with_fd(criu_descriptor(), std::string_view("\0", 1), fault.get()), 1);
    EXPECT_EQ(fault_of_end(), Fault::checkpoint);
}

// A change of mappings of which nobody reads makes each attempt fail for the moment.
TEST_F(LazyFilling, CanBeEndedWhileAProcessChangesItsMappings) {
    source.hold(1);
    start([&](const Line& line) {
        // What it finds is used, so that no compiler leaves the touch out.
        bool is_right = false;
        std::thread waits([&] { is_right = holds_page(memory.page(4), 4); });
        if (line.hear())
            ::munmap(memory.page(60), k_page);
        waits.join();
        return is_right;
    });
    const UniqueFd fault(::dup(process().fault()));
    fill(all_of(memory));
    hand_over();
    process().line().say();
    source.wait_until_asked(1);
    hang_up();
    EXPECT_EQ(fault_of_end(), Fault::interrupted);
    process().line().say();
    pollfd event{.fd = fault.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&event, 1, 60000), 1);
    source.release_all();
    end_filling();
}

// A part of the memory, in which a thread of the process does one thing after another and knows what must be there.
class Part {
  public:
    Part(const Memory& memory, std::size_t first, std::size_t pages, unsigned seed)
        : memory_(memory), first_(first), random_(seed) {
        for (std::size_t i = 0; i < pages; ++i)
            expected_.emplace_back(first + i);
    }
    bool change() {
        switch (random_() % 6) {
        case 0:
            drop(random_() % expected_.size());
            return true;
        case 1:
            move(random_() % expected_.size());
            return true;
        case 2:
            write(random_() % expected_.size());
            return true;
        default:
            return is_right(random_() % expected_.size());
        }
    }
    [[nodiscard]] bool is_right() const {
        for (std::size_t i = 0; i < expected_.size(); ++i)
            if (!is_right(i))
                return false;
        return true;
    }

  private:
    [[nodiscard]] std::byte* at(std::size_t i) const { return memory_.page(first_ + i); }
    [[nodiscard]] bool is_right(std::size_t i) const {
        return expected_[i] ? holds_page(at(i), *expected_[i]) : holds_zeros(at(i));
    }
    void drop(std::size_t i) {
        ::madvise(at(i), k_page, MADV_DONTNEED);
        expected_[i].reset();
    }
    void write(std::size_t i) {
        make_page(at(i), 5000 + i);
        expected_[i] = 5000 + i;
    }
    // What lies there is swapped with its neighbour, over a place beside both.
    void move(std::size_t i) {
        const std::size_t j = (i + 1) % expected_.size();
        move_page(at(i), beside_.page(0));
        move_page(at(j), at(i));
        move_page(beside_.page(0), at(j));
        std::swap(expected_[i], expected_[j]);
    }
    // Without a hole, into which another thread would map something.
    static void move_page(std::byte* from, std::byte* to) {
        if (::mremap(from, k_page, k_page, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) != to)
            ::_exit(2);
    }

    const Memory& memory_;
    const Memory beside_{1};
    std::size_t first_;
    std::mt19937 random_;
    std::vector<std::optional<std::uint64_t>> expected_;
};

bool changes_all(const Memory& memory) {
    constexpr std::size_t k_threads = 4;
    constexpr std::size_t k_part = k_pages / k_threads;
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < k_threads; ++i)
        threads.emplace_back([&, i] {
            Part part(memory, i * k_part, k_part, i);
            for (int change = 0; change < 60; ++change)
                wrong += part.change() ? 0 : 1;
            wrong += part.is_right() ? 0 : 1;
        });
    for (std::thread& thread : threads)
        thread.join();
    return wrong == 0;
}

TEST_F(LazyFilling, KeepsUpWithThreadsThatChangeTheirMappingsAllTheTime) {
    restore(
        all_of(memory), [&](const Line&) { return changes_all(memory); }, 3);
    EXPECT_TRUE(process().was_right());
    finish();
    EXPECT_EQ(progress().bytes_left, 0U);
}

// Each child finds the memory as it was when it was forked.
TEST_F(LazyFilling, KeepsUpWithChildrenThatAreForkedBetweenChanges) {
    restore(
        all_of(memory),
        [&](const Line&) {
            Part part(memory, 0, k_pages, 7);
            bool all = true;
            std::vector<pid_t> children;
            for (int round = 0; round < 12; ++round) {
                for (int change = 0; change < 5; ++change)
                    all = part.change() && all;
                const pid_t child = ::fork();
                if (child == 0)
                    ::_exit(part.is_right() ? 0 : 1);
                children.push_back(child);
            }
            all = part.is_right() && all;
            for (const pid_t child : children) {
                int status = 0;
                all = ::waitpid(child, &status, 0) == child && status == 0 && all;
            }
            return all;
        },
        3);
    EXPECT_TRUE(process().was_right());
    finish();
}

} // namespace
} // namespace cedana::criu::test
