// SPDX-License-Identifier: Apache-2.0
// Texts of a container in its checkpoint, by the names of their entries.
#pragma once

namespace cedana::containers {

// As the engine tells them.
inline constexpr const char* k_inspection_entry = "container/inspect.json";
// The runtime's config.json; absent where it was not found.
inline constexpr const char* k_specification_entry = "container/config.json";
// What the container's descriptors led to outside of it, as runc keeps it.
inline constexpr const char* k_descriptors_entry = "container/descriptors.json";
// changed_files.hpp, write_removed().
inline constexpr const char* k_removed_entry = "container/removed";
// Likewise: of the first archive of its files, what had gone by the freeze.
inline constexpr const char* k_outdated_entry = "container/outdated";

} // namespace cedana::containers
