// SPDX-License-Identifier: Apache-2.0
// How long the phases of an action took.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace cedana {

class Stopwatch {
  public:
    // Ends the phase under way; its time is kept under `name`.
    void lap(const std::string& name) {
        const auto now = std::chrono::steady_clock::now();
        phases_[name] += std::chrono::duration<double>(now - last_).count();
        last_ = now;
    }
    // What was waited for somebody is of no phase, and not in seconds().
    void leave_out(std::chrono::steady_clock::duration waited) {
        start_ += waited;
        last_ += waited;
    }
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }
    [[nodiscard]] const std::map<std::string, double>& phases() const noexcept { return phases_; }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point last_ = start_;
    std::map<std::string, double> phases_;
};

} // namespace cedana
