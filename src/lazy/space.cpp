// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/space.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

namespace cedana::criu {

namespace {

// How much is copied before an event can be read again.
constexpr std::size_t k_most_bytes = 128UL * 1024;
// How many events are read in a row before pages are put in place again.
constexpr int k_most_events = 64;

// What of a range lies outside of another.
std::vector<AddressRange> without(const AddressRange& range, const AddressRange& other) {
    std::vector<AddressRange> rest;
    if (range.start < other.start)
        rest.push_back({.start = range.start, .end = std::min(range.end, other.start)});
    if (other.end < range.end)
        rest.push_back({.start = std::max(range.start, other.end), .end = range.end});
    return rest;
}

// mremap(2): what lies at `from` keeps its kind at `to`, and what lay there is gone.
std::vector<AddressRange> after_move(const std::vector<AddressRange>& ranges, const AddressRange& from,
                                     const AddressRange& to) {
    std::vector<AddressRange> after;
    for (const AddressRange& range : ranges) {
        for (const AddressRange& stays : without(range, from))
            for (const AddressRange& rest : without(stays, to))
                after.push_back(rest);
        const std::uint64_t start = std::max(range.start, from.start);
        const std::uint64_t end = std::min(range.end, from.end);
        if (start < end)
            after.push_back({.start = start - from.start + to.start, .end = end - from.start + to.start});
    }
    return after;
}

} // namespace

std::shared_lock<std::shared_mutex> LazySpace::share() {
    const std::scoped_lock turn(turnstile_);
    return std::shared_lock(layout_);
}

std::unique_lock<std::shared_mutex> LazySpace::exclude() {
    const std::scoped_lock turn(turnstile_);
    return std::unique_lock(layout_);
}

std::uint64_t LazySpace::pending() const {
    const std::scoped_lock lock(mutex_);
    return pending_.count();
}

std::optional<std::uint64_t> LazySpace::next_pending(std::uint64_t page) const {
    const std::scoped_lock lock(mutex_);
    const auto piece = pending_.first_of(page, std::numeric_limits<std::uint64_t>::max());
    return piece ? std::optional(piece->page) : std::nullopt;
}

void LazySpace::forget_all() {
    pending_ = PendingPages(page_size_);
    dropped_.clear();
}

void LazySpace::record_copy(const Piece& tried, const UserFault::Copied& copied) {
    const std::scoped_lock lock(mutex_);
    if (copied.outcome == UserFault::Outcome::gone)
        return forget_all();
    if (copied.bytes != 0) {
        pending_.remove(tried.page, copied.bytes / page_size_);
        // No fork was under way, or the kernel would have refused.
        dropped_.clear();
    }
    const bool is_settled = copied.outcome == UserFault::Outcome::present ||
                            (copied.outcome == UserFault::Outcome::not_mapped && tried.count == 1);
    if (is_settled)
        pending_.remove(tried.page, 1);
}

LazySpace::Placed LazySpace::place(std::uint64_t first, std::span<const std::byte> pages) {
    std::uint64_t most = k_most_bytes / page_size_;
    while (true) {
        const std::shared_lock layout = share();
        Piece piece;
        {
            const std::scoped_lock lock(mutex_);
            const auto next = pending_.first_of(first, first + pages.size() / page_size_);
            if (!next)
                return Placed::all;
            piece = *next;
        }
        piece.count = std::min(piece.count, most);
        const UserFault::Copied copied =
            fault_.copy(piece.address, pages.subspan((piece.page - first) * page_size_, piece.count * page_size_));
        record_copy(piece, copied);
        if (copied.outcome == UserFault::Outcome::changing && copied.bytes == 0)
            return Placed::not_yet;
        // A run of pages may cross the border of two mappings, which one copy must not.
        most = copied.outcome == UserFault::Outcome::not_mapped ? std::max<std::uint64_t>(1, piece.count / 2)
                                                                : k_most_bytes / page_size_;
    }
}

void LazySpace::apply(const UserFault::Touched& touched, Events& all) {
    const std::uint64_t address = touched.address / page_size_ * page_size_;
    if (const auto page = pending_.page_at(address)) {
        all.wanted.push_back(*page);
        return;
    }
    switch (fault_.zero(address, page_size_)) {
    case UserFault::Outcome::done:
        return;
    case UserFault::Outcome::gone:
        return forget_all();
    default:
        // The process touches it again, which is a new event.
        fault_.wake(address, page_size_);
    }
}

void LazySpace::apply(const UserFault::Dropped& dropped, Events& /*all*/) {
    const std::vector<Piece> pieces = pending_.unmap(dropped.start, dropped.end);
    dropped_.insert(dropped_.end(), pieces.begin(), pieces.end());
    if (dropped.still_mapped)
        fault_.ignore(dropped.start, dropped.end);
}

void LazySpace::apply(const UserFault::Moved& moved, Events& /*all*/) {
    pending_.move(moved.from, moved.to, moved.length);
    wiped_ = after_move(wiped_, {.start = moved.from, .end = moved.from + moved.length},
                        {.start = moved.to, .end = moved.to + moved.length});
    std::erase_if(dropped_, [&](const Piece& piece) {
        return piece.address < moved.to + moved.length && moved.to < piece.address + piece.count * page_size_;
    });
}

void LazySpace::apply(UserFault::Forked& forked, Events& all) {
    PendingPages pending = pending_;
    for (const Piece& piece : dropped_)
        if (!pending.first_of(piece.page, piece.page + piece.count))
            pending.add(piece);
    for (const AddressRange& range : wiped_)
        pending.unmap(range.start, range.end);
    all.children.push_back(
        std::make_unique<LazySpace>(UserFault(std::move(forked.descriptor)), std::move(pending), wiped_, page_size_));
}

LazySpace::Events LazySpace::read_events() {
    Events all;
    const std::unique_lock layout = exclude();
    const std::scoped_lock lock(mutex_);
    for (int i = 0; i < k_most_events; ++i) {
        auto event = fault_.next();
        if (!event)
            break;
        std::visit([&](auto& one) { apply(one, all); }, *event);
    }
    return all;
}

bool LazySpace::is_complete() {
    const std::unique_lock layout = exclude();
    const std::scoped_lock lock(mutex_);
    return pending_.empty() && fault_.is_steady();
}

} // namespace cedana::criu
