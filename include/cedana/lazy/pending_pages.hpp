// SPDX-License-Identifier: Apache-2.0
// Which pages of an image are still to be put into an address space, and where: the bookkeeping of a lazy restore.
// Follows what the process does with its mappings meanwhile. Pure; addresses are in bytes, the rest in pages.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace cedana::criu {

class PendingPages {
  public:
    // Pages in a row, in memory as in the image.
    struct Piece {
        std::uint64_t address = 0;
        std::uint64_t page = 0;
        std::uint64_t count = 0;

        bool operator==(const Piece&) const = default;
    };

    explicit PendingPages(std::uint64_t page_size) : page_size_(page_size) {}

    // Neither its pages nor its addresses may be there already.
    void add(const Piece& piece);
    // The page that belongs to the address; absent if none is pending there.
    [[nodiscard]] std::optional<std::uint64_t> page_at(std::uint64_t address) const;
    // The first piece of the pages from `from` up to, not including, `to`, cut to these.
    [[nodiscard]] std::optional<Piece> first_of(std::uint64_t from, std::uint64_t to) const;
    // These pages are in memory, or cannot be any more.
    void remove(std::uint64_t page, std::uint64_t count);
    // Whatever was pending at the addresses from `start` up to `end` is not wanted any more; what it was.
    std::vector<Piece> unmap(std::uint64_t start, std::uint64_t end);
    // mremap(2): what was pending in `length` bytes at `from` is pending at `to`.
    void move(std::uint64_t from, std::uint64_t to, std::uint64_t length);

    [[nodiscard]] bool empty() const { return by_page_.empty(); }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::vector<Piece> pieces() const;

  private:
    using ByPage = std::map<std::uint64_t, Piece>;
    void insert(const Piece& piece);
    ByPage::iterator erase(ByPage::iterator piece);
    // So that a piece begins there, if there is one that holds it.
    void split_at_page(std::uint64_t page);
    void split_at_address(std::uint64_t address);
    void split(ByPage::iterator piece, std::uint64_t count);

    std::uint64_t page_size_;
    ByPage by_page_;
    // The first page of the piece that begins at an address.
    std::map<std::uint64_t, std::uint64_t> by_address_;
    std::uint64_t count_ = 0;
};

} // namespace cedana::criu
