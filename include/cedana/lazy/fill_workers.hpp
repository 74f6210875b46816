// SPDX-License-Identifier: Apache-2.0
// The threads that bring pages into the address spaces of a tree, and all that they share with the thread of LazyFill,
// under one lock: which pieces are pending, who waits for them, and how far the work is.
//
//   urgent     one thread, for pieces that somebody waits for and nothing else
//   background the other threads: for such pieces too, and once the tree goes on from the first piece to the last
#pragma once

#include "cedana/base/event_fd.hpp"
#include "cedana/base/worker_threads.hpp"
#include "cedana/criu/pagemap.hpp"
#include "cedana/lazy/pieces.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cedana::criu {

// Reads pages for one thread. What it throws ends the filling.
class PageReader {
  public:
    virtual ~PageReader() = default;
    // Piece `number` of an image; valid until the next call.
    [[nodiscard]] virtual std::span<const std::byte> read(const std::string& image, std::uint64_t number) = 0;
};

struct FillProgress {
    // The tree runs.
    bool tree_goes_on = false;
    // Of the checkpoint.
    std::uint64_t bytes_total = 0;
    // Children that were forked meanwhile count too, so this can be more than bytes_total.
    std::uint64_t bytes_left = 0;
    // Pages that somebody had to wait for.
    std::uint64_t pages_wanted = 0;
};

struct FillOptions {
    // For the background; 0: one a core.
    unsigned threads = 0;
    // Of each piece but an image's last.
    std::size_t piece_size = 0;
};

class FillWorkers {
  public:
    using MakeReader = std::function<std::unique_ptr<PageReader>()>;
    using Image = LazyPieces::Image;
    using Space = LazyPieces::Space;

    // `pages`: the number of pages of all tasks, which CRIU has still to hand over.
    FillWorkers(std::uint64_t pages, const MakeReader& make_reader, FillOptions options);
    FillWorkers(const FillWorkers&) = delete;
    FillWorkers& operator=(const FillWorkers&) = delete;
    // Ends the threads.
    ~FillWorkers() = default;

    // Readable when a space may be complete, or a thread has failed; until clear_news().
    [[nodiscard]] int news() const noexcept { return news_.fd(); }
    void clear_news() const noexcept { news_.clear(); }
    // Throws what a thread has failed with.
    void rethrow_failure() const;

    // CRIU has handed over the task of these pages: their image.
    [[nodiscard]] Image& begin_task(const Pagemap& map);
    // Its pages are brought from now on.
    void add(Image& image, Space space);
    void remove(Image& image, const Space& space);
    // With their images.
    [[nodiscard]] std::vector<std::pair<Image*, Space>> spaces() const;
    // Somebody in the space waits for these pages.
    void want(Image& image, const Space& space, const std::vector<std::uint64_t>& pages);
    // All pages are brought from now on, whether anybody waits for them or not.
    void let_tree_go_on();
    [[nodiscard]] bool tree_goes_on() const;
    [[nodiscard]] FillProgress progress() const;

  private:
    enum class Role { urgent, background };

    void work(std::unique_lock<std::mutex>& lock, PageReader& reader, Role role);
    [[nodiscard]] std::optional<LazyPieces::Taken> take_piece(Role role);
    void fill(const LazyPieces::Taken& taken, PageReader& reader);
    void place_in(LazySpace& space, std::uint64_t first, std::span<const std::byte> pages) const;

    std::uint64_t page_size_;
    EventFd news_;

    // Guards all that follows.
    mutable std::mutex mutex_;
    std::condition_variable work_;
    LazyPieces pieces_;
    bool tree_goes_on_ = false;
    std::uint64_t pages_total_;
    // Of tasks that CRIU has not handed over yet.
    std::uint64_t pages_to_hand_over_;
    std::uint64_t pages_wanted_ = 0;
    // Ends before the rest.
    WorkerThreads threads_;
};

} // namespace cedana::criu
