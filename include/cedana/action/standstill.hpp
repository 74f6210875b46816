// SPDX-License-Identifier: Apache-2.0
// What holds for as long as a dump has a tree stand still: nobody but cedana itself decides how long that takes, and
// CRIU may lock the memory that it needs.
#pragma once

#include "cedana/base/held_stops.hpp"
#include "cedana/base/log.hpp"
#include "cedana/undo/raised_limits.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace cedana {

class Standstill {
  public:
    // From now on signals that would stop cedana wait, and so does what is logged where nobody reads it. Before any
    // thread is started.
    Standstill() = default;

    // Raises the limits that are short, as RaisedLimits does. Throws Error.
    void raise_limits(const std::vector<MemoryLimit>& limits, const std::filesystem::path& work) {
        limits_.emplace(limits, work);
    }
    // The tree runs again: nothing of this holds any more. Only after raise_limits().
    void end() noexcept;
    // Only that of the limits. From another thread, while the one that works hangs.
    void put_back_limits() noexcept { static_cast<void>(limits_->put_back()); }
    // A limit could not be put back: what is noted of it in the work folder is still needed.
    [[nodiscard]] bool has_left_limits() const noexcept { return has_left_limits_; }

  private:
    HeldStops stops_;
    PatientLog log_;
    std::optional<RaisedLimits> limits_;
    bool has_left_limits_ = false;
};

} // namespace cedana
