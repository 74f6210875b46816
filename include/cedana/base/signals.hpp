// SPDX-License-Identifier: Apache-2.0
// SIGINT, SIGTERM and SIGHUP as a descriptor. They are blocked in main before any thread starts and read in
// the loops that also wait for children: no handlers, no flags. SIGPIPE is ignored.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <span>

#include <sys/types.h>

namespace cedana {

// Blocks the signals in this thread (and so in every later one), which are read from what this returns (signalfd(2),
// CLOEXEC, without blocking). SIGHUP, SIGINT and SIGQUIT that whoever started this process has it ignore (nohup(1), a
// script's `&`) stay ignored. Throws Error.
[[nodiscard]] UniqueFd watch_signals(std::span<const int> numbers);

class Interrupt {
  public:
    // Blocks the signals in this thread (and so in every later one). Throws Error.
    [[nodiscard]] static Interrupt install();
    // One that never fires, for callers that have nothing to interrupt them.
    [[nodiscard]] static Interrupt none() { return {}; }

    // For poll sets; -1 (which poll ignores) in none().
    [[nodiscard]] int fd() const noexcept { return signals_.get(); }
    // Reads one signal without blocking: its number, or 0 if none is pending.
    [[nodiscard]] int take() const;
    // Throws Error(Fault::interrupted) if a signal is pending.
    void throw_if_pending() const;
    // Returns after so long, or as soon as a signal is pending: whether one is.
    [[nodiscard]] bool pending_within(std::chrono::milliseconds time) const;

  private:
    UniqueFd signals_;
};

// read(2), for which it waits until there is something: the bytes that were read, 0 at the end, -1 with errno. Throws
// as throw_if_pending().
[[nodiscard]] ssize_t read_when_ready(int fd, std::span<std::byte> buffer, const Interrupt& interrupt);

} // namespace cedana
