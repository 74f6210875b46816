// SPDX-License-Identifier: Apache-2.0
// Files of a checkpoint at their places again, for a restore that may still fail: all of it is undone unless commit()
// is called. What was there is kept beside each file, as NAME.cedana-backup-DATETIME; it is there before anything of
// the file changes, so that it can be found even after a SIGKILL in between.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/model/captured_file.hpp"
#include "cedana/storage/file_place.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <sys/stat.h>

namespace cedana {

// The next piece of a file's content; empty at its end.
using Content = std::function<std::span<const std::byte>()>;

class PutBack {
  public:
    // `when`: for the names of backups.
    explicit PutBack(std::chrono::system_clock::time_point when);
    PutBack(const PutBack&) = delete;
    PutBack& operator=(const PutBack&) = delete;
    // Undoes everything unless commit() was called; what cannot be undone is told in a warning, with the backup's path.
    ~PutBack();

    // A new file with this content, and the owner, mode and times of `file`, takes the name; it has them all when it
    // appears. The backup's path; empty if nothing was there. Throws Error, or what `content` throws: this file is then
    // as it was, or will be on destruction.
    std::filesystem::path replace(FilePlace place, const CapturedFile& file, const Content& content);
    // Cuts the file that is there to the size of `file`. The backup holds only what was behind it; its path. Throws as
    // above.
    std::filesystem::path cut(FilePlace place, const CapturedFile& file);

    void commit() noexcept { steps_.clear(); }

  private:
    struct Step {
        explicit Step(FilePlace where) : place(std::move(where)) {}

        FilePlace place;
        // In the same folder; empty if nothing was there, or nothing was done yet.
        std::string backup;
        // The file that was put there; of a cut, the file that was cut. Held, so that no other gets its inode number.
        struct ::stat put {};
        UniqueFd held;
        // The file as it was before a cut.
        std::optional<struct ::stat> before;
    };

    [[nodiscard]] std::string backup_name(const FilePlace& place, int number) const;
    [[nodiscard]] std::string keep_present(const FilePlace& place) const;
    static void undo(const Step& step);
    static void undo_cut(const Step& step);
    static void undo_replace(const Step& step);

    std::string when_;
    std::list<Step> steps_;
};

} // namespace cedana
