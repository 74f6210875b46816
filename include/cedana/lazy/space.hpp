// SPDX-License-Identifier: Apache-2.0
// An address space that is filled while its process runs.
//
// To read an event lets the process that caused it go on, and what was known of its mappings is wrong from then on. So
// one thread reads events alone (exclusive), and threads put pages in place only between events (shared); the kernel
// refuses pages while an event waits to be read.
#pragma once

#include "cedana/criu/pagemap.hpp"
#include "cedana/lazy/pending_pages.hpp"
#include "cedana/lazy/userfault.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <vector>

namespace cedana::criu {

class LazySpace {
  public:
    enum class Placed {
        all,
        // The process is just changing its mappings: try again once events were read.
        not_yet,
    };
    struct Events {
        // Of the image; somebody waits for them.
        std::vector<std::uint64_t> wanted;
        std::vector<std::unique_ptr<LazySpace>> children;
    };

    // `wiped`: mappings of which a child gets zeros.
    LazySpace(UserFault fault, PendingPages pending, std::vector<AddressRange> wiped, std::size_t page_size)
        : fault_(std::move(fault)), pending_(std::move(pending)), wiped_(std::move(wiped)), page_size_(page_size) {}

    [[nodiscard]] int fd() const noexcept { return fault_.fd(); }
    // Pages that are still to be put in place; 0 too once the address space is gone.
    [[nodiscard]] std::uint64_t pending() const;
    // The first page from `page` on that is.
    [[nodiscard]] std::optional<std::uint64_t> next_pending(std::uint64_t page) const;

    // Puts in place what is pending of these pages of the image, the first of which has the number `first`. From any
    // thread. Throws Error when a page cannot be put there for want of memory.
    [[nodiscard]] Placed place(std::uint64_t first, std::span<const std::byte> pages);
    // Reads the events that are there, and answers those about pages that are zero. One thread. Throws Error.
    [[nodiscard]] Events read_events();
    // Nothing is pending, and no child is on its way for which something is: the descriptor may be closed.
    [[nodiscard]] bool is_complete();

  private:
    using Piece = PendingPages::Piece;

    [[nodiscard]] std::shared_lock<std::shared_mutex> share();
    [[nodiscard]] std::unique_lock<std::shared_mutex> exclude();
    void record_copy(const Piece& tried, const UserFault::Copied& copied);
    void apply(const UserFault::Touched& touched, Events& all);
    void apply(const UserFault::Dropped& dropped, Events& all);
    void apply(const UserFault::Moved& moved, Events& all);
    void apply(UserFault::Forked& forked, Events& all);
    void forget_all();

    UserFault fault_;
    std::shared_mutex layout_;
    // Passed on the way to `layout_`: a shared_mutex may let sharers in for ever while somebody wants it alone.
    std::mutex turnstile_;

    mutable std::mutex mutex_;
    PendingPages pending_;
    // What was dropped lately. A fork copies the mappings before its event can be read, so a child whose event comes
    // later may still have them.
    std::vector<Piece> dropped_;
    std::vector<AddressRange> wiped_;
    std::size_t page_size_;
};

} // namespace cedana::criu
