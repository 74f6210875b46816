// SPDX-License-Identifier: Apache-2.0
// Limits of memory (process/memory_limits.hpp) that are higher for as long as CRIU is in a tree. What they were is
// written down before they are raised, so that whoever cleans up puts them back if cedana is killed.
#pragma once

#include "cedana/process/memory_limits.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace cedana {

class RaisedLimits {
  public:
    // Raises those that are short, and notes that in the work folder beforehand. What cannot be raised stays as it
    // is. Throws Error if it cannot be noted.
    RaisedLimits(const std::vector<MemoryLimit>& limits, const std::filesystem::path& work);
    RaisedLimits(const RaisedLimits&) = delete;
    RaisedLimits& operator=(const RaisedLimits&) = delete;
    ~RaisedLimits();

    // False if one of them could not be put back; it is warned of, and the note of it stays in the work folder.
    [[nodiscard]] bool put_back() noexcept;

  private:
    std::filesystem::path work_;
};

struct PutBackLimits {
    std::vector<std::filesystem::path> done;
    // As a sentence why not.
    std::vector<std::string> left;
};

// What a dump has noted there and not put back itself; nothing is changed that somebody else has set since.
[[nodiscard]] PutBackLimits put_back_limits(const std::filesystem::path& work);

// Whether they can be changed from here.
[[nodiscard]] bool can_raise(const MemoryLimit& limit);

} // namespace cedana
