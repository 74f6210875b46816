// SPDX-License-Identifier: Apache-2.0
// Whether files that are to be put back fit: asked before the first of them is written. What they replace stays beside
// them, so that nothing becomes free.
#pragma once

#include "cedana/files/file_place.hpp"

#include <cstdint>
#include <filesystem>
#include <map>

#include <sys/types.h>

namespace cedana {

class NeededRoom {
  public:
    struct Share {
        // One of the folders there, for messages.
        std::filesystem::path folder;
        std::uint64_t needed = 0;
        std::uint64_t free = 0;
    };

    // `bytes`: what a file there will hold; holes count, since nobody knows them yet. What root may use is free; a file
    // system that does not say how large it is has room. Throws Error(Fault::storage).
    void add(const FilePlace& place, std::uint64_t bytes);
    // Throws Error(Fault::storage) that names one that is too small.
    void require() const;

  private:
    std::map<dev_t, Share> file_systems_;
};

// The rule for one file system.
void require_room(const NeededRoom::Share& share);

} // namespace cedana
