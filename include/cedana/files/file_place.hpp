// SPDX-License-Identifier: Apache-2.0
// Where a file is, or would be, held open: its folder, reached without following any link, and its name there. Root
// works in folders of other users, who can put links in its way at any moment; what is done through an open folder
// stays in it.
#pragma once

#include "cedana/base/file_id.hpp"
#include "cedana/base/unique_fd.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <sys/stat.h>

namespace cedana {

// From so many files or folders on, one wait for all of their file system, though others have written to it too, is
// shorter than one for each.
inline constexpr std::size_t k_many_to_flush = 100;

class FilePlace {
  public:
    // `path`: absolute and in its shortest form, as it is below `root`, which may be a link itself ("/proc/42/root":
    // among the mounts of process 42). Throws Error(Fault::restore_failed) that names what on the way is
    // missing or not a folder, and Error(Fault::checkpoint) for a link, or a file system of the kernel's own (/proc).
    explicit FilePlace(std::filesystem::path path, const std::filesystem::path& root = "/");

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] int folder() const noexcept { return folder_->get(); }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    // The path of another file in the folder, for messages.
    [[nodiscard]] std::filesystem::path beside(const std::string& name) const { return path_.parent_path() / name; }

    // What has `name` in the folder, a link as itself; none if nothing has, or it cannot be asked.
    [[nodiscard]] std::optional<struct ::stat> entry(const std::string& name) const;

    // The regular file that is there now; none if nothing is. `flags` of open(2). Throws Error(Fault::checkpoint)
    // when a link or anything else is there.
    [[nodiscard]] UniqueFd open_present(int flags) const;

    // Gives a file in the folder another name there, which nothing may have: false with errno EEXIST then, and with
    // that of rename(2) for any other failure. What was done though a file server's answer was lost is done.
    [[nodiscard]] bool rename_to_free(const std::string& from, const std::string& to) const;
    // Makes names in the folder durable.
    void sync() const;
    // The same of all of its file system (base/files.hpp).
    [[nodiscard]] bool sync_file_system() const;

  private:
    friend class OpenFolders;
    FilePlace(std::filesystem::path path, std::shared_ptr<const UniqueFd> folder);
    // Invalid, with errno, where it cannot be read.
    [[nodiscard]] UniqueFd open_folder() const;

    std::filesystem::path path_;
    std::string name_;
    std::shared_ptr<const UniqueFd> folder_;
};

// With errno, of what was put there.
void warn_without_attributes(const FilePlace& place);

// Places of many files: each folder is opened once, and takes one descriptor however many files it has.
class OpenFolders {
  public:
    explicit OpenFolders(std::filesystem::path root = "/");

    // As FilePlace(path, root).
    [[nodiscard]] FilePlace place(const std::filesystem::path& path) { return place(path, path.parent_path()); }
    // In place of a folder that is still to be made: one on the way to it.
    [[nodiscard]] FilePlace place(const std::filesystem::path& path, const std::filesystem::path& folder);

  private:
    std::filesystem::path root_;
    std::map<std::string, std::shared_ptr<const UniqueFd>> folders_;
};

// Folders in which names have changed: each is flushed once.
class FoldersToFlush {
  public:
    // That of `place`; whether it is new. Throws Error.
    bool add(const FilePlace& place);
    // Makes the names in all of them durable. Throws Error(Fault::storage).
    void flush();

  private:
    std::map<FileId, FilePlace> places_;
};

} // namespace cedana
