// SPDX-License-Identifier: Apache-2.0
// How far a long action is: on a terminal one line that is drawn over and goes away at the end, elsewhere a plain
// line every few seconds, for logs.
#pragma once

#include "cedana/base/log.hpp"
#include "cedana/base/progress.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace cedana {

struct ProgressState {
    std::string phase;
    std::uint64_t done = 0;
    // 0: not known.
    std::uint64_t total = 0;
    std::chrono::duration<double> elapsed{};
    bool frozen = false;
};

// "dumping  ██████      52%  1.2 GiB of 2.3 GiB  812 MiB/s  1.4 s left  FROZEN"; at most `width` columns.
[[nodiscard]] std::string progress_line(const ProgressState& state, std::size_t width);
// "dumping: 1.2 GiB of 2.3 GiB (52%), 812 MiB/s, 1.4 s left, frozen"
[[nodiscard]] std::string plain_progress(const ProgressState& state);

// Writes all of it; what cannot be written is left out: that nobody reads the progress does not stop the work.
void write_progress(int fd, std::string_view text) noexcept;

class ProgressLine : public Progress {
  public:
    using Clock = std::chrono::steady_clock;

    // To `fd`, which is stderr; nothing when quiet. `now`: for tests.
    explicit ProgressLine(int fd, Verbosity verbosity, std::function<Clock::time_point()> now = Clock::now);
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    // Removes what is on the terminal.
    ~ProgressLine() override;

    void phase(std::string_view name) override;
    void bytes(std::uint64_t done, std::uint64_t total) override;
    void frozen(bool now) override;
    void done() override;

  private:
    void show();

    int fd_;
    // 0: no terminal.
    std::size_t width_;
    bool silent_;
    std::function<Clock::time_point()> now_;
    Clock::time_point phase_begin_;
    // Nothing is shown before.
    Clock::time_point next_;
    bool drawn_ = false;
    ProgressState state_;
};

} // namespace cedana
