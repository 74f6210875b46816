// SPDX-License-Identifier: Apache-2.0
// What is in a folder makes room for other content, and comes back if that is not to stay: it is moved into a folder
// beside it, and the folder itself stays, since somebody may have it mounted. Each step is noted before it is done, so
// that whoever comes after a kill can go on from there.
#pragma once

#include <filesystem>
#include <utility>
#include <vector>

namespace cedana {

class ContentsAside {
  public:
    // `note`: a file in the work folder, of this object alone.
    explicit ContentsAside(std::filesystem::path note) : note_(std::move(note)) {}
    ContentsAside(const ContentsAside&) = delete;
    ContentsAside& operator=(const ContentsAside&) = delete;
    // Takes back what was not committed; warns if that goes wrong.
    ~ContentsAside();

    // The folder is empty when this returns. Throws Error: it is as it was then, or as the note says.
    void take(const std::filesystem::path& folder);
    // What has come in its place stays; what was moved aside is removed.
    void commit();

  private:
    std::filesystem::path note_;
    bool has_taken_ = false;
};

enum class AsideEnd { taken_back, committed };

// After a kill, by its note: the folders. Nothing if there is no note. Throws Error.
std::vector<std::filesystem::path> end_contents_aside(const std::filesystem::path& note, AsideEnd end);
// Where what a killed one moved aside lies. Throws Error.
[[nodiscard]] std::vector<std::filesystem::path> find_contents_aside(const std::filesystem::path& note);

} // namespace cedana
