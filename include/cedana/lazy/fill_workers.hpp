// SPDX-License-Identifier: Apache-2.0
// Where the pages of a lazy restore come from, and how far they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace cedana::criu {

// The pages of one thread's reading. What it throws ends the filling.
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
    // Those of children that were forked meanwhile too, so that it can be more than all.
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

} // namespace cedana::criu
