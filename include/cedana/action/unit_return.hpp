// SPDX-License-Identifier: Apache-2.0
// `cedana unit`: a unit of systemd that comes back from a checkpoint when it is started (host/unit_drop_in.hpp).
#pragma once

#include "cedana/model/caller.hpp"
#include "cedana/process/systemd_unit.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

// once: the drop-in goes as soon as the unit is back, which then is what it was in all: started again it starts anew.
// at_each_start: it stays.
enum class Comeback { once, at_each_start };

struct UnitRequest {
    SystemdUnit unit;
    // Of a unit of a user's systemd.
    std::optional<Caller> owner = std::nullopt;
    // As `cedana client restore` takes it, and the store in which it is looked for; empty: in the settings'.
    std::string checkpoint = "latest";
    std::filesystem::path store = {};
    Comeback comeback = Comeback::once;
    // It comes back with the clocks of the host where they allow (RestoredClocks::of_host_if_ahead).
    bool host_clocks = false;
};

// The text of the drop-in. Throws Error(Fault::usage) for a unit that systemd does not know or that cannot come back
// so, Error(Fault::environment) where the placeholder is not installed.
[[nodiscard]] std::string unit_drop_in(const UnitRequest& request);

// Writes it, and has systemd read it. Its path. Throws Error as unit_drop_in() does, Error(Fault::storage).
std::filesystem::path write_unit_drop_in(const UnitRequest& request);
// Takes it away again; false if there was none. Throws Error.
bool remove_unit_drop_in(const SystemdUnit& unit);

// For systemd, as the unit is started: restores into the place of the placeholder, which is the unit's main process so
// far, and makes what was restored that. Its pid. Throws Error: systemd ends what is there of the unit then.
pid_t bring_unit_back(const UnitRequest& request);

// The same for a unit of a user, whose systemd has no right to do it: starts the placeholder through that, restores
// into its place, and makes what was restored the main process. Its pid. Throws Error: the unit does not run then, and
// its drop-in is gone.
pid_t bring_user_unit_back(const UnitRequest& request);

} // namespace cedana
