// SPDX-License-Identifier: Apache-2.0
// Which process is meant. A pid alone names whoever has it at the moment; a pid with its start time names one
// process for ever, and a pidfd reaches that process and no other.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <compare>
#include <cstdint>
#include <utility>

#include <sys/types.h>

namespace cedana {

class Procfs;

struct ProcessId {
    pid_t pid = 0;
    // As in ProcessStat.
    std::uint64_t start_time = 0;
    friend auto operator<=>(const ProcessId&, const ProcessId&) = default;
};

class ProcessHandle {
  public:
    // Throws Error(Fault::no_process) if no process has this pid. A zombie can be opened; it is not alive.
    [[nodiscard]] static ProcessHandle open(const Procfs& procfs, pid_t pid);
    // As above, and also throws if the pid belongs to another process by now.
    [[nodiscard]] static ProcessHandle open(const Procfs& procfs, ProcessId id);

    [[nodiscard]] pid_t pid() const noexcept { return id_.pid; }
    [[nodiscard]] ProcessId id() const noexcept { return id_; }
    // Readable once the process has ended.
    [[nodiscard]] const UniqueFd& pidfd() const noexcept { return pidfd_; }

    // Still running; false for a zombie.
    [[nodiscard]] bool alive() const;
    // False if its parent has collected it: from then on the pid may be another process.
    [[nodiscard]] bool present() const;
    // False when the process has ended. Throws Error when not permitted.
    bool send(int signal) const;

  private:
    ProcessHandle(ProcessId id, UniqueFd pidfd) : id_(id), pidfd_(std::move(pidfd)) {}

    ProcessId id_;
    UniqueFd pidfd_;
};

} // namespace cedana
