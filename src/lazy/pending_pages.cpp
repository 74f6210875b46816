// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/pending_pages.hpp"

#include <algorithm>
#include <iterator>

namespace cedana::criu {

void PendingPages::insert(const Piece& piece) {
    by_page_.emplace(piece.page, piece);
    by_address_.emplace(piece.address, piece.page);
    count_ += piece.count;
}

PendingPages::ByPage::iterator PendingPages::erase(ByPage::iterator piece) {
    count_ -= piece->second.count;
    by_address_.erase(piece->second.address);
    return by_page_.erase(piece);
}

void PendingPages::split(ByPage::iterator piece, std::uint64_t count) {
    const Piece whole = piece->second;
    if (count == 0 || count >= whole.count)
        return;
    piece->second.count = count;
    count_ -= whole.count - count;
    insert({.address = whole.address + count * page_size_, .page = whole.page + count, .count = whole.count - count});
}

void PendingPages::split_at_page(std::uint64_t page) {
    const auto behind = by_page_.upper_bound(page);
    if (behind != by_page_.begin())
        split(std::prev(behind), page - std::prev(behind)->first);
}

void PendingPages::split_at_address(std::uint64_t address) {
    const auto behind = by_address_.upper_bound(address);
    if (behind != by_address_.begin())
        split(by_page_.find(std::prev(behind)->second), (address - std::prev(behind)->first) / page_size_);
}

void PendingPages::add(const Piece& piece) {
    if (piece.count != 0)
        insert(piece);
}

std::optional<std::uint64_t> PendingPages::page_at(std::uint64_t address) const {
    const auto behind = by_address_.upper_bound(address);
    if (behind == by_address_.begin())
        return std::nullopt;
    const Piece& piece = by_page_.at(std::prev(behind)->second);
    const std::uint64_t pages = (address - piece.address) / page_size_;
    return pages < piece.count ? std::optional(piece.page + pages) : std::nullopt;
}

std::optional<PendingPages::Piece> PendingPages::first_of(std::uint64_t from, std::uint64_t to) const {
    auto found = by_page_.upper_bound(from);
    if (found != by_page_.begin() && std::prev(found)->first + std::prev(found)->second.count > from)
        --found;
    if (found == by_page_.end() || found->first >= to)
        return std::nullopt;
    const Piece& piece = found->second;
    const std::uint64_t skipped = from > piece.page ? from - piece.page : 0;
    const std::uint64_t page = piece.page + skipped;
    return Piece{.address = piece.address + skipped * page_size_,
                 .page = page,
                 .count = std::min(piece.count - skipped, to - page)};
}

void PendingPages::remove(std::uint64_t page, std::uint64_t count) {
    split_at_page(page);
    split_at_page(page + count);
    for (auto piece = by_page_.lower_bound(page); piece != by_page_.end() && piece->first < page + count;)
        piece = erase(piece);
}

std::vector<PendingPages::Piece> PendingPages::unmap(std::uint64_t start, std::uint64_t end) {
    split_at_address(start);
    split_at_address(end);
    std::vector<Piece> dropped;
    for (auto at = by_address_.lower_bound(start); at != by_address_.end() && at->first < end;
         at = by_address_.lower_bound(start)) {
        const auto piece = by_page_.find(at->second);
        dropped.push_back(piece->second);
        erase(piece);
    }
    return dropped;
}

void PendingPages::move(std::uint64_t from, std::uint64_t to, std::uint64_t length) {
    const std::vector<Piece> moved = unmap(from, from + length);
    unmap(to, to + length);
    for (Piece piece : moved) {
        piece.address = piece.address - from + to;
        insert(piece);
    }
}

std::vector<PendingPages::Piece> PendingPages::pieces() const {
    std::vector<Piece> all;
    for (const auto& [page, piece] : by_page_)
        all.push_back(piece);
    return all;
}

} // namespace cedana::criu
