// SPDX-License-Identifier: Apache-2.0
// How far a long action is, for programs: `--progress json`. And the choice among the forms.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/progress_line.hpp"

#include <memory>

namespace cedana {

// One JSON object a line: {phase, bytes, total, seconds, frozen}. A line at the begin of each phase, whenever the tree
// stops or runs again, twice a second in between, and for the last bytes of a phase.
class ProgressJson : public Progress {
  public:
    using Clock = ProgressLine::Clock;

    // To `fd`, which is stderr. `now`: for tests.
    explicit ProgressJson(int fd, std::function<Clock::time_point()> now = Clock::now);
    ProgressJson(const ProgressJson&) = delete;
    ProgressJson& operator=(const ProgressJson&) = delete;
    ~ProgressJson() override;

    void phase(std::string_view name) override;
    void bytes(std::uint64_t done, std::uint64_t total) override;
    void frozen(bool now) override;
    void done() override;

  private:
    void write();
    // What was not written yet of this phase.
    void write_rest();

    int fd_;
    std::function<Clock::time_point()> now_;
    Clock::time_point phase_begin_;
    Clock::time_point next_;
    bool behind_ = false;
    ProgressState state_;
};

// On stderr, as the common options say.
[[nodiscard]] std::unique_ptr<Progress> make_progress(const CommonArguments& common);

} // namespace cedana
