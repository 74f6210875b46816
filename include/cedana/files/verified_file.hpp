// SPDX-License-Identifier: Apache-2.0
// A file that was opened and verified, and the name by which it was opened. What is done by that name later is done to
// this very file or not at all: somebody may have given the name to another file in the meantime.
#pragma once

#include "cedana/base/file_id.hpp"
#include "cedana/base/unique_fd.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace cedana {

class VerifiedFile {
  public:
    // `file`: the descriptor of what was opened by `path`. It must stay open as long as this is used, so that no other
    // file gets its inode. `path` may be a link to the file; the link is what remove() and replace() act on. Throws
    // Error(Fault::storage) if the path leads to another file by now.
    VerifiedFile(std::filesystem::path path, int file);

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    // The folder, held open: whatever its own name leads to by now.
    [[nodiscard]] int folder() const noexcept { return folder_.get(); }
    // A path in it.
    [[nodiscard]] std::filesystem::path beside(const std::string& name) const;
    // Whether the file still has the name.
    [[nodiscard]] bool has_its_name() const { return file_id_at(folder_.get(), name_) == id_; }

    // Removes it: gives it a private name (a partial name, which `check --clean` removes if this process is killed),
    // looks whether that is the file, and removes it then. False if the name is another file's by now: that file keeps
    // its name, or gets one with a number if a third file has taken it. Throws Error(Fault::storage).
    [[nodiscard]] bool remove(const std::function<void()>& before_rename = {});

    // Gives its name to the file `name` of the same folder, which must be the open file `file`. False if one of the two
    // names is another file's by now; both stay then. Where a file system cannot exchange two names (NFS), a file that
    // gets the name between the last look and the rename is replaced. Throws Error(Fault::storage).
    [[nodiscard]] bool replace_by(const std::string& name, int file, const std::function<void()>& before_rename = {});

  private:
    void give_back(const std::string& private_name) const;

    std::filesystem::path path_;
    std::string name_;
    UniqueFd folder_;
    // Of what has the name, be it a link.
    FileId id_;
};

} // namespace cedana
