// SPDX-License-Identifier: Apache-2.0
// The unit of systemd that a tree belongs to, as far as a dump must heed it: a program that systemd watches may not
// stand still for long, and one that ends is started anew, unless systemd itself has ended it.
#pragma once

#include "cedana/host/systemd.hpp"
#include "cedana/process/systemd_unit.hpp"
#include "cedana/process/unit_folders.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct TreeUnit {
    SystemdUnit unit = {};
    UnitState state = {};
    // The root is the main process of the unit, which so ends with the tree.
    bool is_main = false;

    // What systemd runs for its end, or for a failure, is not run when it ends with its checkpoint
    // (undo/held_stop_commands.hpp).
    [[nodiscard]] bool holds_back_stop() const;
    // What systemd takes away as it stops; none if it does not end with the tree.
    [[nodiscard]] std::vector<UnitFolder> own_folders() const;
};

// Asks systemd; absent if it does not know such a service. Throws Error as look_at_unit() does.
[[nodiscard]] std::optional<TreeUnit> tree_unit(const SystemdUnit& unit, pid_t root);

// About how long a tree stands still whose images have so many bytes.
[[nodiscard]] std::chrono::microseconds expected_pause(std::uint64_t image_bytes);

// Throws Error(Fault::dump_failed) where systemd would take a program that stands still for so long for one that hangs.
void require_watchdog(const TreeUnit& unit, std::chrono::microseconds pause);

// Throws Error(Fault::dump_failed), with the drop-in, for a unit into whose root nothing is brought back
// (RootDirectory=, RootImage=).
void require_root_of_host(const TreeUnit& unit);

// What comes of a unit whose main process ends with its checkpoint: sentences.
[[nodiscard]] std::vector<std::string> stop_sentences(const TreeUnit& unit);

// Of a tree that is to end, while it stands still: systemd stops the unit, and so does not start it anew. Nothing if
// the unit does not end with it. Throws Error(Fault::environment).
void begin_to_stop(const std::optional<TreeUnit>& unit);
// Once the tree has ended: waits for systemd, which may end what is restored into the unit's control group before.
void await_stop(const std::optional<TreeUnit>& unit);

} // namespace cedana
