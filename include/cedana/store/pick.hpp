// SPDX-License-Identifier: Apache-2.0
// From less than a path to one checkpoint: the newest of a store, of a program or of a pid. A wrong guess brings the
// wrong process back, so in doubt nothing is picked.
#pragma once

#include "cedana/store/catalog.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

inline constexpr std::string_view k_latest = "latest";

// The checkpoints that `wanted` ("latest", a program's name or a pid) means, newest first; a name that no program has
// means those that hold it. Throws Error(Fault::usage) with the list if there are none, or of more than one process.
[[nodiscard]] std::vector<CatalogEntry> candidates(const std::vector<CatalogEntry>& catalog, std::string_view wanted);

// `wanted` as a path if it looks like one (it holds a slash, ends in .zip, or such a file is there), then as a file in
// `store`; else as above, the newest that opens as a checkpoint: those that do not are warned of and passed over.
[[nodiscard]] std::filesystem::path pick_checkpoint(const std::string& wanted,
                                                    const std::optional<std::filesystem::path>& store,
                                                    const Config& config, const Keyring& keyring,
                                                    const Interrupt& interrupt);

} // namespace cedana
