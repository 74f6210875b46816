// SPDX-License-Identifier: Apache-2.0
// From less than a path to one checkpoint: the newest of a store, of a program or of a pid. A wrong guess brings the
// wrong process back, so in doubt nothing is picked.
#pragma once

#include "cedana/store/catalog.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

inline constexpr std::string_view k_latest = "latest";

// The checkpoints that `wanted` ("latest", a name or a pid) means, newest first. A name is its label, or that of the
// program, of its script or of its command line, as a process is found by it: see NameScore, of which only what is
// exact counts. Throws Error(Fault::usage) with the list if there are none, or of more than one process.
[[nodiscard]] std::vector<CatalogEntry> candidates(const std::vector<CatalogEntry>& catalog, std::string_view wanted);

// Whether a checkpoint that does not open is passed over; whoever looks whether it is whole means it, too.
enum class Damaged { passed_over, picked };

struct PickRules {
    // Where to look; absent: in the store of the settings.
    std::optional<std::filesystem::path> store = std::nullopt;
    // Only what was made earlier.
    std::optional<std::chrono::system_clock::time_point> before = std::nullopt;
    Damaged damaged = Damaged::passed_over;
};

// `wanted` as a path if it looks like one (it holds a slash, ends in .zip, or such an archive is there), without a
// folder in `rules.store` first, then here, then in the store of the settings; else as above, the newest that opens as
// a checkpoint: those that do not are warned of and passed over. Throws Error(Fault::usage) for a path with a time.
[[nodiscard]] std::filesystem::path pick_checkpoint(const std::string& wanted, const Config& config,
                                                    const Keyring& keyring, const Interrupt& interrupt,
                                                    const PickRules& rules = {});

} // namespace cedana
