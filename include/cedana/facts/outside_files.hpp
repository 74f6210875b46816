// SPDX-License-Identifier: Apache-2.0
// What a tree has open by a mount that is in none of its mount namespaces: it was opened before they were made, or the
// mount is gone.
#pragma once

#include "cedana/model/outside_file.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/procfs.hpp"

#include <optional>
#include <set>
#include <vector>

namespace cedana {

// CRIU finds such a file anew by its mount and its path there (criu/files-reg.c, dump_one_reg_file).
[[nodiscard]] bool is_looked_up_by_mount(const OpenFile& file);

// The mounts that a tree sees.
class TreeMounts {
  public:
    TreeMounts(const Procfs& procfs, const TreeHoldings& tree);

    // CRIU looks up the mount of such a file: "Can't lookup mount= for fd= path=" (criu/files-reg.c). False if the
    // mounts cannot be seen.
    [[nodiscard]] bool lack(const OpenFile& file) const;

  private:
    std::set<int> numbers_;
};

// Of a file whose mount the tree lacks; absent if nothing by which it could be opened anew is known here.
[[nodiscard]] std::optional<OutsideFile> as_outside_file(const OpenFile& file);

// All of them, each once.
[[nodiscard]] std::vector<OutsideFile> outside_files(const Procfs& procfs, const TreeHoldings& tree);

} // namespace cedana
