// SPDX-License-Identifier: Apache-2.0
// The command's side of a lazy restore: starts the keeper before CRIU, and ends it if CRIU fails.
#pragma once

#include "cedana/action/checkpoint_reader.hpp"
#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/model/config.hpp"

#include <filesystem>
#include <optional>

#include <sys/types.h>

namespace cedana {

class LazyStart {
  public:
    // Listens in `work`, CRIU's work folder.
    LazyStart(const Checkpoint& checkpoint, const Config& config, const std::filesystem::path& work);
    LazyStart(const LazyStart&) = delete;
    LazyStart& operator=(const LazyStart&) = delete;
    // As end(), unless the tree runs.
    ~LazyStart();

    [[nodiscard]] pid_t keeper() const noexcept { return keeper_; }
    // The tree runs: the keeper goes on without this process.
    void commit() noexcept;
    // Of a restore that failed: ends the keeper and what that has started.
    void end() const;
    // Once the keeper has ended: why; absent if it does not say.
    [[nodiscard]] std::optional<Error> failure() const;
    // Without waiting: what it has said already. Before it ends a tree it says why.
    [[nodiscard]] std::optional<Error> failure_so_far() const;
    // Until all memory is in place. Throws what the keeper says, Error(Fault::interrupted): it goes on then.
    void wait(const Interrupt& interrupt) const;

  private:
    pid_t keeper_ = 0;
    UniqueFd channel_;
    bool committed_ = false;
};

} // namespace cedana
