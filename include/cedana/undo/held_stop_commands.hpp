// SPDX-License-Identifier: Apache-2.0
// What systemd runs as it stops a unit (ExecStop=, ExecStopPost=) is made for programs that are done: pg_ctlcluster(1)
// takes away a pid file without which a postmaster that comes back ends itself. So it is not run for a tree that goes
// into a checkpoint: a drop-in below /run says so until the unit has stopped. It is written down before it is made, so
// that whoever cleans up takes it away if cedana is killed.
#pragma once

#include "cedana/process/systemd_unit.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace cedana {

class HeldStopCommands {
  public:
    // Of a unit of the system. systemd has read it when this returns. Throws Error: then they are not held back.
    HeldStopCommands(const SystemdUnit& unit, const std::filesystem::path& work);
    HeldStopCommands(const HeldStopCommands&) = delete;
    HeldStopCommands& operator=(const HeldStopCommands&) = delete;
    ~HeldStopCommands();

    // False if that failed; it is warned of, and the note of it stays in the work folder.
    [[nodiscard]] bool release() noexcept;

  private:
    std::filesystem::path work_;
};

// What a dump has noted there and not taken away itself: the drop-in; absent if there is none. Throws Error.
std::optional<std::filesystem::path> release_stop_commands(const std::filesystem::path& work);

// Pure.
[[nodiscard]] std::string held_stop_text(const SystemdUnit& unit);

} // namespace cedana
