// SPDX-License-Identifier: Apache-2.0
// The command's side of a lazy restore: starts the keeper before CRIU, and ends it if CRIU fails. The tree of a
// container is its engine's: nothing that the engine has started is ended here.
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
#include <string>

#include <sys/types.h>

namespace cedana {

class LazyStart {
  public:
    // Listens in `work`, CRIU's work folder. `supply`, `container`: as in LazyJob.
    LazyStart(const Checkpoint& checkpoint, const Config& config, const std::filesystem::path& work,
              const std::filesystem::path& supply = {}, const std::string& container = {});
    LazyStart(const LazyStart&) = delete;
    LazyStart& operator=(const LazyStart&) = delete;
    // As end(), unless the tree runs.
    ~LazyStart();

    [[nodiscard]] pid_t keeper() const noexcept { return keeper_; }
    // Of a container: call it once CRIU has made the root, before CRIU goes on. Throws Error(Fault::restore_failed) for
    // one in a pid namespace that it is not the first process of, and which it could leave tasks in when it ends.
    void tell_root(pid_t root) const;
    // Call it once CRIU has restored the tree. Waits until the keeper holds the userfaultfds, which CRIU hands over
    // without waiting for anybody to take them. If that fails, it ends the tree of `root` and throws what the keeper
    // says, Error(Fault::restore_failed) or Error(Fault::interrupted).
    void await_hold(pid_t root, const Interrupt& interrupt) const;
    // The tree runs: the keeper goes on without this process.
    void commit() noexcept;
    // After a restore that failed, before commit(): ends the keeper and, unless it is a container, whatever else was
    // started since. The tree of a container must have ended.
    void end() const;
    // Why the keeper has ended; absent if it does not say.
    [[nodiscard]] std::optional<Error> failure() const;
    // What the keeper has said already; does not wait. The keeper says why before it ends a tree.
    [[nodiscard]] std::optional<Error> failure_so_far() const;
    // Waits until all memory is in place. Throws what the keeper says, or Error(Fault::interrupted): it goes on then.
    void wait(const Interrupt& interrupt) const;

  private:
    pid_t keeper_ = 0;
    UniqueFd channel_;
    bool is_committed_ = false;
    // Until the tree runs: nobody who could be ended gets lost. Not of a container, whose engine may start what
    // outlives it.
    std::optional<criu::Subreaper> reaper_;
};

} // namespace cedana
