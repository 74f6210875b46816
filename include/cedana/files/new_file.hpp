// SPDX-License-Identifier: Apache-2.0
// A file that is being written beside the name that it will take, and that appears there whole or not at all. Many of
// them can be written first, then be flushed together, and then take their names.
#pragma once

#include "cedana/base/files.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/files/file_place.hpp"
#include "cedana/model/captured_file.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <sys/types.h>

namespace cedana {

class NewFile {
  public:
    // In the folder of `place`; without a name where the file system has such files, so that nothing of it stays if
    // this process is killed. Throws Error.
    explicit NewFile(FilePlace place);
    // Without a name; absent where the file system has no such files.
    [[nodiscard]] static std::optional<NewFile> nameless(FilePlace place);
    NewFile(NewFile&&) noexcept = default;
    NewFile& operator=(NewFile&&) = delete;
    // Removes it unless it has taken its name.
    ~NewFile();

    // Appends; blocks of zeros become holes. Throws Error(Fault::storage) for a full disk.
    void write(std::span<const std::byte> data);
    // Access lists, labels and other extended attributes of a file that it will stand for, as far as they can be set.
    // Whether there were any.
    bool copy_attributes_of(int fd) const;
    // Size, owner, mode and times of `file`. An owner that cannot be set is a warning.
    void complete(const CapturedFile& file) const;
    [[nodiscard]] struct ::stat info() const;
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    // Takes the name of `target`, which is on the same mount, in place of what has it. Throws Error.
    void replace(const FilePlace& target);
    // Takes the name. Throws Error(Fault::restore_failed) if something has it by now.
    void create(const FilePlace& target);
    // Whether it can: another mount has come between them else.
    [[nodiscard]] bool can_go_to(const FilePlace& target) const;

  private:
    friend void flush_all(const std::vector<const NewFile*>& files);

    NewFile(FilePlace place, UniqueFd fd) : place_(std::move(place)), fd_(std::move(fd)) {}
    [[nodiscard]] bool leads_here(const std::string& name) const;
    [[nodiscard]] bool link_to(const FilePlace& target, const std::string& name) const;

    FilePlace place_;
    // Empty while it has none.
    std::string temporary_name_;
    UniqueFd fd_;
    std::uint64_t written_ = 0;
};

// Removes files beside `place` that a NewFile of another process, which was killed, has left there.
void remove_unfinished(const FilePlace& place, pid_t writer);

} // namespace cedana
