// SPDX-License-Identifier: Apache-2.0
// Fills the memory of a tree that CRIU restores with --lazy-pages, in place of CRIU's own lazy-pages daemon: that one
// takes one thread, copies every page through a socket, and loses a request, and with it the process that waits for it,
// when the process unmaps a part of what was asked for meanwhile (criu/uffd.c, uffd_io_complete and __drop_iovs).
//
// Pages come in pieces that are decompressed as a whole. A piece is fetched once, and all of its pages are put wherever
// they are pending: in the task that it belongs to and in children that the task has forked since. So nothing is
// cached.
//
//   events     one thread, run(): tasks from CRIU, page faults, changes of mappings
//   urgent     one thread, for pieces that somebody waits for and nothing else
//   background the other threads: for such pieces too, and once the tree goes on from the first piece to the last
#pragma once

#include "cedana/base/event_fd.hpp"
#include "cedana/base/event_loop.hpp"
#include "cedana/criu/pagemap.hpp"
#include "cedana/lazy/fill_workers.hpp"
#include "cedana/lazy/handover.hpp"
#include "cedana/lazy/pieces.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace cedana::criu {

// Who else has to know of every userfaultfd. All calls come from the thread of run().
class FillWitness {
  public:
    virtual ~FillWitness() = default;
    // pid: 0 for a child that was forked since.
    virtual void opened(int fault, pid_t pid) = 0;
    virtual void closing(int fault) = 0;
    // All tasks of the tree were told.
    virtual void tree_goes_on() = 0;
};

struct LazyTask {
    Pagemap map;
    std::vector<AddressRange> wiped_on_fork;
};

class LazyFill {
  public:
    using MakeReader = std::function<std::unique_ptr<PageReader>()>;

    // `channel`: where CRIU's connection is passed over.
    LazyFill(UniqueFd channel, std::map<pid_t, LazyTask> tasks, const MakeReader& make_reader, FillWitness& witness,
             FillOptions options);
    LazyFill(const LazyFill&) = delete;
    LazyFill& operator=(const LazyFill&) = delete;
    // Ends the threads.
    ~LazyFill();

    // Until all memory is in place or nobody is left who has it. Calls `tell` now and then. Throws Error when a page
    // cannot be had or put in place, and Error(Fault::interrupted) when CRIU goes before the tree goes on: who waits
    // for a page then waits on, for as long as somebody has its userfaultfd.
    void run(const std::function<void(const FillProgress&)>& tell);
    [[nodiscard]] FillProgress progress() const;

  private:
    enum class Role { urgent, background };

    void meet_criu();
    void hear_criu();
    void add_task(LazyHandover::Task task);
    void add_space(LazyPieces::Image& image, LazyPieces::Space space, pid_t pid);
    void hear_space(LazyPieces::Image& image, const LazyPieces::Space& space);
    // Whether one is left that could be closed but for an event on its way.
    [[nodiscard]] bool close_complete_spaces();
    [[nodiscard]] bool is_finished() const;
    [[nodiscard]] std::vector<std::pair<LazyPieces::Image*, LazyPieces::Space>> spaces() const;
    void rethrow_failure() const;

    void guard(const std::function<void(std::unique_lock<std::mutex>&)>& work) noexcept;
    [[nodiscard]] std::optional<LazyPieces::Taken> take(Role role);
    void work(PageReader& reader, Role role);
    void fill(const LazyPieces::Taken& taken, PageReader& reader);
    void place_in(LazySpace& space, std::uint64_t first, std::span<const std::byte> pages) const;
    void end_threads();

    UniqueFd channel_;
    std::map<pid_t, LazyTask> tasks_;
    FillWitness& witness_;
    std::uint64_t page_size_;
    EventLoop loop_;
    EventFd look_again_;
    std::optional<LazyHandover> criu_;
    std::chrono::steady_clock::time_point told_;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    LazyPieces pieces_;
    bool tree_goes_on_ = false;
    std::uint64_t pages_total_ = 0;
    // Of tasks that CRIU has not handed over yet.
    std::uint64_t pages_to_hand_over_ = 0;
    std::uint64_t pages_wanted_ = 0;
    std::exception_ptr failure_;
    std::atomic<bool> stop_ = false;
    std::vector<std::unique_ptr<PageReader>> readers_;
    std::vector<std::thread> threads_;
};

} // namespace cedana::criu
