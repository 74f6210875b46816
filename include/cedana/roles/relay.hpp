// SPDX-License-Identifier: Apache-2.0
// Copies what comes out of one descriptor into another, a piece at a time, so that one loop can do it for many. It
// never holds up whoever writes: what a full disk does not take is dropped, counted, and told in the output once that
// takes something again.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace cedana::roles {

// Where the source is the master of a terminal, the terminal's "\r\n" become the "\n" that was written (termios(3),
// ONLCR).
enum class LineEnds { as_they_are, of_terminal };

// When nobody takes anything any more: the writer finds its pipe broken, or writes on, and that is dropped.
enum class TargetEnd { breaks, drops };

class Relay {
  public:
    Relay(UniqueFd from, UniqueFd to, LineEnds line_ends, TargetEnd target_end = TargetEnd::breaks);

    // For poll sets: -1 once that side is closed.
    [[nodiscard]] int from() const noexcept { return from_.get(); }
    [[nodiscard]] int to() const noexcept { return to_.get(); }
    [[nodiscard]] bool wants_input() const noexcept { return from_ && pending_.empty(); }
    [[nodiscard]] bool has_output() const noexcept { return !pending_.empty(); }
    // Nothing more can come or go; both descriptors are closed.
    [[nodiscard]] bool done() const noexcept { return !to_; }

    // Call when the source can be read or has been closed. Reads once.
    void read_some();
    // Call when the target can be written to. Writes once.
    void write_some();
    // The reader of the target is gone.
    void give_up() noexcept;

  private:
    void add(std::string_view piece);
    void finish_source();
    void drop(int error_number);

    UniqueFd from_;
    UniqueFd to_;
    LineEnds line_ends_;
    TargetEnd target_end_;
    std::string pending_;
    // A "\r" whose follower has not come yet.
    bool held_return_ = false;
    std::uint64_t dropped_ = 0;
    int drop_reason_ = 0;
};

} // namespace cedana::roles
