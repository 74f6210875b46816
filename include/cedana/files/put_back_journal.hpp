// SPDX-License-Identifier: Apache-2.0
// What a restore is about to do to files, written down before each step, so that it can be undone after the restore was
// killed: by whoever finds the journal without its writer. It lives as long as the host runs; after that nothing of
// the tree runs, and backups lie beside the files.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace cedana {

struct PutBackStep {
    // Where the file is, or would be.
    std::filesystem::path path;
    // Its name in the same folder; empty if nothing was there, or nothing was done yet.
    std::string backup = {};
    // The file that was put there; of a cut, the file that was cut. Inode 0: nothing was put there yet.
    struct ::stat put {};
    // Of a cut only: the file as it was.
    bool is_cut = false;
    struct ::stat before {};
    // A folder or a link that was made where nothing was.
    bool is_place = false;
};

class PutBackJournal {
  public:
    // Makes the file. Throws Error(Fault::storage).
    explicit PutBackJournal(std::filesystem::path path);

    // Throws Error: then nothing may be done.
    void add(const PutBackStep& step) const;
    // Nothing is to be undone any more.
    void remove() noexcept;

  private:
    std::filesystem::path path_;
    UniqueFd fd_;
};

// In the order in which they were done; of several about one path only the last counts. Empty if there is no journal.
[[nodiscard]] std::vector<PutBackStep> read_journal(const std::filesystem::path& path);

} // namespace cedana
