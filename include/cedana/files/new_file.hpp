// SPDX-License-Identifier: Apache-2.0
// A file that is being written beside the name that it will take, and that appears there whole or not at all. Many of
// them can be written first, then be flushed together, and then take their names.
#pragma once

#include "cedana/base/files.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/files/file_place.hpp"
#include "cedana/model/captured_file.hpp"

#include <cstddef>
#include <span>
#include <string>

#include <sys/stat.h>
#include <sys/types.h>

namespace cedana {

class NewFile {
  public:
    // In the folder of `place`; without a name where the file system has such files, so that nothing of it stays if
    // this process is killed. Throws Error.
    explicit NewFile(FilePlace place);
    NewFile(NewFile&&) noexcept = default;
    NewFile& operator=(NewFile&&) = delete;
    // Removes it unless it has taken its name.
    ~NewFile();

    // Appends; blocks of zeros become holes. Throws Error(Fault::storage) for a full disk.
    void write(std::span<const std::byte> data);
    // Access lists, labels and other extended attributes of a file that it will stand for, as far as they can be set.
    void copy_attributes_of(int fd) const;
    // Size, owner, mode and times of `file`. An owner that cannot be set is a warning.
    void complete(const CapturedFile& file) const;
    // All of it is on the disk when it returns. Throws Error(Fault::storage).
    void flush() const { sync_file(fd_.get(), place_.path()); }
    // The same of all that was written on its file system, as sync_file_system() does; each file must be asked for its
    // own errors then.
    [[nodiscard]] bool flush_file_system() const { return sync_file_system(fd_.get(), place_.path()); }
    void require_written() const { cedana::require_written(fd_.get(), place_.path()); }
    [[nodiscard]] struct ::stat info() const;
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    // Takes the name, in place of what has it. Throws Error.
    void replace();
    // Takes the name. Throws Error(Fault::restore_failed) if something has it by now.
    void create();

  private:
    [[nodiscard]] bool leads_here(const std::string& name) const;
    [[nodiscard]] bool link_to(const std::string& name) const;

    FilePlace place_;
    // Empty while it has none.
    std::string temporary_name_;
    UniqueFd fd_;
    std::uint64_t written_ = 0;
};

// Removes files beside `place` that a NewFile of another process, which was killed, has left there.
void remove_unfinished(const FilePlace& place, pid_t writer);

} // namespace cedana
