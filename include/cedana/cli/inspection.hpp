// SPDX-License-Identifier: Apache-2.0
// What `cedana client inspect` shows: as text for a terminal, as JSON, and as a page.
#pragma once

#include "cedana/checkpoint/compare.hpp"
#include "cedana/checkpoint/inspect.hpp"
#include "cedana/cli/table.hpp"

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace cedana {

enum class Section { tree, memory, files, sockets, images, timing, maps };
// Empty: all of them but the maps, the long lists shortened.
using Sections = std::set<Section>;

void print_inspection(const Inspection& inspection, const Sections& sections);
[[nodiscard]] nlohmann::ordered_json to_json(const Inspection& inspection, const Sections& sections);

void print_comparison(const Inspection& before, const Inspection& after);
[[nodiscard]] nlohmann::ordered_json to_json(const Comparison& comparison);

// One page that needs nothing from elsewhere: no scripts, no network. Of one checkpoint, or of what changed from one to
// the other.
[[nodiscard]] std::string html_page(const Inspection& inspection);
[[nodiscard]] std::string html_page(const Inspection& before, const Inspection& after);

// A mapping a row; a thread a row.
[[nodiscard]] Table mapping_table(const MemoryMap& map);
[[nodiscard]] Table thread_table(const MemoryMap& map);
// "rw-p", as in /proc/PID/maps.
[[nodiscard]] std::string mode_of(const criu::Mapping& mapping);

// {"--tcp-established", "--file-locks"}
[[nodiscard]] std::vector<std::string> options_of(const CriuOptions& options);
// These in a line; "none"
[[nodiscard]] std::string options_text(const CriuOptions& options);

} // namespace cedana
