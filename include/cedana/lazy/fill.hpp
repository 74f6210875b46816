// SPDX-License-Identifier: Apache-2.0
// Fills the memory of a tree that CRIU restores with --lazy-pages, in place of CRIU's own lazy-pages daemon: that one
// takes one thread, copies every page through a socket, and loses a request, and with it the process that waits for it,
// when the process unmaps a part of what was asked for meanwhile (criu/uffd.c, uffd_io_complete and __drop_iovs).
//
// Pages come in pieces that are decompressed as a whole. A piece is fetched once, and all of its pages are put wherever
// they are pending: in the task that it belongs to and in children that the task has forked since. So nothing is
// cached.
//
// One thread, that of run(), takes tasks from CRIU, and page faults and changes of mappings from the kernel; others
// (FillWorkers) bring the pages.
#pragma once

#include "cedana/base/event_loop.hpp"
#include "cedana/criu/pagemap.hpp"
#include "cedana/lazy/fill_workers.hpp"
#include "cedana/lazy/handover.hpp"
#include "cedana/lazy/pieces.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

// Somebody else who has to know every userfaultfd. The thread of run() makes all calls.
class FillWitness {
  public:
    virtual ~FillWitness() = default;
    // pid: 0 for a child that was forked since.
    virtual void opened(int fault, pid_t pid) = 0;
    virtual void closing(int fault) = 0;
    // opened() was called for all tasks of the tree.
    virtual void tree_goes_on() = 0;
};

struct LazyTask {
    Pagemap map;
    std::vector<AddressRange> wiped_on_fork;
};

class LazyFill {
  public:
    using MakeReader = FillWorkers::MakeReader;

    // `channel`: where CRIU's connection is passed over.
    LazyFill(UniqueFd channel, std::map<pid_t, LazyTask> tasks, const MakeReader& make_reader, FillWitness& witness,
             FillOptions options);
    LazyFill(const LazyFill&) = delete;
    LazyFill& operator=(const LazyFill&) = delete;
    // Ends the threads.
    ~LazyFill() = default;

    // Returns when all memory is in place or nobody is left who has it. Calls `report` now and then. Throws Error when
    // a page cannot be had or put in place, and Error(Fault::interrupted) when CRIU goes before the tree goes on: who
    // waits for a page then waits on, for as long as somebody has its userfaultfd.
    void run(const std::function<void(const FillProgress&)>& report);
    [[nodiscard]] FillProgress progress() const { return workers_.progress(); }

  private:
    void receive_criu();
    void read_criu();
    void add_task(LazyHandover::Task task);
    void add_space(LazyPieces::Image& image, LazyPieces::Space space, pid_t pid);
    void read_events(LazyPieces::Image& image, const LazyPieces::Space& space);
    // True if a space without pending pages is left open, since an event of it is on its way.
    [[nodiscard]] bool close_complete_spaces();

    UniqueFd channel_;
    std::map<pid_t, LazyTask> tasks_;
    FillWitness& witness_;
    std::uint64_t page_size_;
    EventLoop loop_;
    std::optional<LazyHandover> criu_;
    std::chrono::steady_clock::time_point last_report_;
    // Ends before the rest.
    FillWorkers workers_;
};

} // namespace cedana::criu
