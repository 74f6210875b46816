// SPDX-License-Identifier: Apache-2.0
// Files of a checkpoint at their places again, for a restore that may still fail: all of it is undone unless commit()
// is called. What was there is kept beside each file, as NAME.cedana-backup-DATETIME; it is there before anything of
// the file changes. Each step is written down before it is done, so that it can be undone after a SIGKILL too. Many
// files are written first and flushed together, and each folder is flushed once.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/files/file_place.hpp"
#include "cedana/files/new_file.hpp"
#include "cedana/files/put_back_journal.hpp"
#include "cedana/model/captured_file.hpp"
#include "cedana/model/named_place.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace cedana {

// How many of the files that are put back are pinned: by a descriptor each, which is this part of all that there may
// be.
inline constexpr std::uint64_t k_pinned_part = 4;
// And how many of them are written, and have no name yet.
inline constexpr std::uint64_t k_unnamed_part = 16;

// The next piece of a file's content; empty at its end.
using Content = std::function<std::span<const std::byte>()>;

enum class Attributes { as_made, changed };

class PutBack {
  public:
    // `when`: for the names of backups. `journal`: a file that is made with the first step, for PutBackUndo; it is
    // gone after commit(). Empty: none.
    explicit PutBack(std::chrono::system_clock::time_point when, std::filesystem::path journal = {});
    PutBack(const PutBack&) = delete;
    PutBack& operator=(const PutBack&) = delete;
    // Undoes everything unless commit() was called; what cannot be undone is told in a warning, with the backup's path.
    ~PutBack();

    // A new file with this content, and the owner, mode and times of `file`, takes the name; it has them all when it
    // appears. The backup's path; empty if nothing was there. Throws Error, or what `content` throws: this file is then
    // as it was, or will be on destruction.
    std::filesystem::path replace(FilePlace place, const CapturedFile& file, const Content& content);
    // The same in two parts, for many files: what write() makes has no name, and settle() has all of it on the disk and
    // then gives each its name. write() does so too where they would take too many descriptors.
    void write(FilePlace place, const CapturedFile& file, const Content& content);
    // As write(), of a file that was written and flushed before, near its place (NewFile::can_go_to()). as_made: it has
    // all that `file` says.
    void take(FilePlace place, NewFile made, const CapturedFile& file, Attributes attributes);
    // The backup of each file that was written since the last time. Throws as above.
    std::vector<std::filesystem::path> settle();
    // Cuts the file that is there to the size of `file`. The backup holds only what was behind it; its path. Throws as
    // above.
    std::filesystem::path cut(FilePlace place, const CapturedFile& file);

    // A folder or a link, where nothing is; on the disk after settle(). Throws Error, Fault::restore_failed where
    // something is there meanwhile.
    void make(FilePlace place, const NamedPlace& made);

    void commit() noexcept;

  private:
    friend class PutBackUndo;

    struct Step {
        explicit Step(FilePlace where) : place(std::move(where)), done{.path = place.path()} {}

        FilePlace place;
        PutBackStep done;
        // The file that was put there or cut, so that no other gets its inode number; not in one of a killed process,
        // and of very many not in all (descriptor_limit.hpp).
        UniqueFd pinned;
    };

    // Written and without a name.
    struct Written {
        Step& step;
        NewFile file;
        // Something had its name by then.
        bool replaces;
        bool is_flushed = false;
    };

    Step& begin(FilePlace place);
    void settle_written();
    void flush_written() const;
    void give_name(Written& written);
    [[nodiscard]] UniqueFd pin(int fd);
    void write_to_journal(const Step& step);
    [[nodiscard]] std::string backup_name(const FilePlace& place, int number) const;
    void keep_present(Step& step);
    UniqueFd create_backup(Step& step, const struct ::stat& like);
    static bool undo(const Step& step);
    static bool undo_cut(const Step& step);
    static bool undo_replace(const Step& step);
    static bool undo_make(const Step& step);

    std::string when_;
    std::filesystem::path journal_path_;
    std::optional<PutBackJournal> journal_;
    std::list<Step> steps_;
    // In it.
    std::list<Written> written_;
    // Of them, by write().
    std::uint64_t opened_ = 0;
    // Their backups, once they have their names.
    std::vector<std::filesystem::path> settled_;
    // Where names have changed that are not on the disk yet.
    FoldersToFlush changed_;
    std::uint64_t pins_ = 0;
};

// Undoes the steps of a PutBack whose process, `writer`, was killed; the last first.
class PutBackUndo {
  public:
    explicit PutBackUndo(pid_t writer) : writer_(writer) {}

    // Removes what it had begun to write, too. False if the file is not as it left it, which a warning tells, with the
    // backup's path. Throws Error.
    bool undo(const PutBackStep& step);
    // What was undone is on the disk when it returns. Throws Error.
    void flush() { folders_.flush(); }

  private:
    pid_t writer_;
    OpenFolders places_;
    FoldersToFlush folders_;
};

} // namespace cedana
