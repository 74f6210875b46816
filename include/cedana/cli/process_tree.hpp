// SPDX-License-Identifier: Apache-2.0
// How a tree of processes is drawn: the branches before each of them. Pure.
#pragma once

#include "cedana/model/manifest.hpp"

#include <string>
#include <vector>

namespace cedana {

struct TreeLine {
    // "", "├─ ", "│  └─ "
    std::string branches;
    const ManifestProcess* process = nullptr;
};

// Children behind their parent, in the order of `tree`, whose processes must outlive the lines. A process whose parent
// is not in the tree stands like the root.
[[nodiscard]] std::vector<TreeLine> draw_tree(const std::vector<ManifestProcess>& tree);

// The command line, escaped and joined by spaces; "[comm]" if there is none.
[[nodiscard]] std::string command_of(const ManifestProcess& process);

} // namespace cedana
