// SPDX-License-Identifier: Apache-2.0
// The command's side of a lazy restore: starts the keeper before CRIU, and ends it if CRIU fails.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/criu/adopted.hpp"
#include "cedana/model/config.hpp"

#include <filesystem>
#include <optional>
#include <utility>

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
    // Once CRIU has restored the tree: until its memory is answered for. CRIU hands the userfaultfds over without
    // waiting for anybody to take them. If it is not, the tree of `root` is ended. Throws what the keeper says,
    // Error(Fault::restore_failed), Error(Fault::interrupted).
    void await_hold(pid_t root, const Interrupt& interrupt) const;
    // The tree runs: the keeper goes on without this process.
    void commit() noexcept;
    // Of a restore that failed, before commit(): ends the keeper and whatever else was started since.
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
    // Until the tree runs: nobody who could be ended gets lost.
    std::optional<criu::Subreaper> reaper_{std::in_place};
};

} // namespace cedana
