// SPDX-License-Identifier: Apache-2.0
// A folder whose content somebody else decides on, a container or whoever has written an archive. Nothing is reached
// outside of it: paths are followed by openat2(2) with RESOLVE_IN_ROOT and RESOLVE_NO_XDEV, and names are looked at
// without following a link (openat2(2), Linux 5.6).
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::containers {

// The place of something in such a folder.
struct PlaceInRoot {
    // The folder that it is in, opened by O_PATH.
    UniqueFd folder;
    std::string name;
};

class RootFolder {
  public:
    // Throws Error.
    explicit RootFolder(const std::filesystem::path& path);

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    // As open(2), CLOEXEC, in the root; links are followed within it. Invalid, with errno, where that does not work.
    [[nodiscard]] UniqueFd open(const std::string& path, int flags) const;
    // The same, also into what is mounted in it.
    [[nodiscard]] UniqueFd open_across(const std::string& path, int flags) const;
    // For what is to be made or removed. `path`: one that parse_inner_path() has given, but not the root itself. No
    // link is followed: what lies above it are folders, or it is an Error(Fault::checkpoint).
    [[nodiscard]] PlaceInRoot place_of(const std::string& path) const;
    // Whatever it is, a folder with all that is in it, as far as no other file system is mounted below. Nothing if it
    // is not there.
    void remove(const std::string& path) const;

  private:
    std::filesystem::path path_;
    UniqueFd fd_;
};

// "./a//b/" and "/a/b" as "a/b"; empty for the root itself. Throws Error(Fault::checkpoint) for one that leads upwards.
[[nodiscard]] std::string parse_inner_path(std::string_view path);

// A folder in place_of()'s folder is emptied and removed; anything else is unlinked.
void remove_place(const PlaceInRoot& place);

} // namespace cedana::containers
