// SPDX-License-Identifier: Apache-2.0
// A folder that is read entry by entry (opendir(3)).
#pragma once

#include <memory>

#include <dirent.h>

namespace cedana {

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

// A folder that is being read, closed at the end.
using OpenFolder = std::unique_ptr<DIR, CloseFolder>;

} // namespace cedana
