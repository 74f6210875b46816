// SPDX-License-Identifier: Apache-2.0
// The files that a container that is there has changed of its image, in the upper folder of its overlay: a restore in
// place puts those of the checkpoint into it, and they alone. What was there is moved aside first, and comes back
// unless the container runs again.
#pragma once

#include "cedana/files/contents_aside.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cedana::containers {

// Where somebody has mounted the overlay that it is the upper folder of; absent: nowhere that can be seen from here.
[[nodiscard]] std::optional<std::string> overlay_mounted_at(const std::filesystem::path& upper);

class ReplacedFiles {
  public:
    // The folder is empty then. Noted in `work`. Throws Error, also where its overlay is mounted: under that nothing
    // may change (Linux, filesystems/overlayfs).
    ReplacedFiles(const std::filesystem::path& work, const std::filesystem::path& upper);
    ReplacedFiles(const ReplacedFiles&) = delete;
    ReplacedFiles& operator=(const ReplacedFiles&) = delete;
    // Unless it was committed: waits a while until the engine has unmounted it, and takes back what was there.
    ~ReplacedFiles();

    void commit();

  private:
    std::filesystem::path upper_;
    ContentsAside aside_;
    bool is_committed_ = false;
};

// What became of a container whose restore was killed.
enum class ContainerFate { runs, has_run, never_ran };

struct FinishedContainer {
    // The name of the container that was removed.
    std::optional<std::string> container = std::nullopt;
    // Folders that have what they had.
    std::vector<std::filesystem::path> taken_back = {};
    // It ran, and does not any more: where what was there before it lies.
    std::vector<std::filesystem::path> left = {};
};

// By the notes in `work`: `files_note`, and that of its volumes (volumes.hpp). Throws Error.
void finish_replaced(const std::filesystem::path& work, const std::filesystem::path& files_note, ContainerFate fate,
                     FinishedContainer& finished);
// The same of a ReplacedFiles.
void finish_replaced(const std::filesystem::path& work, ContainerFate fate, FinishedContainer& finished);

} // namespace cedana::containers
