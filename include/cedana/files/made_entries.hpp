// SPDX-License-Identifier: Apache-2.0
// The folders, links and fifos of a checkpoint that systemd had taken away with its unit (model/unit_entry.hpp), made
// anew for a restore that may still fail: what was made goes again unless commit() is called. What is there is left as
// it is. Of a restore that is killed empty ones stay, in folders that systemd takes away again.
#pragma once

#include "cedana/files/file_place.hpp"
#include "cedana/model/unit_entry.hpp"

#include <filesystem>
#include <utility>
#include <vector>

namespace cedana {

class MadeEntries {
  public:
    // `root`: below which they lie (file_place.hpp). Throws Error(Fault::restore_failed).
    MadeEntries(const std::vector<UnitEntry>& entries, const std::filesystem::path& root);
    MadeEntries(const MadeEntries&) = delete;
    MadeEntries& operator=(const MadeEntries&) = delete;
    ~MadeEntries();

    void commit() noexcept { made_.clear(); }

  private:
    void make(const UnitEntry& entry, FilePlace place);
    void undo() noexcept;

    // And whether it is a folder.
    std::vector<std::pair<FilePlace, bool>> made_;
};

} // namespace cedana
