// SPDX-License-Identifier: Apache-2.0
// Which files a tree writes while it is asked to prepare for a dump: what it has open at the freeze is seen then, but
// not its own checkpoint, which it wrote and closed. fanotify(7) tells of every file that is closed after it was open
// for writing, and who closed it. Nobody is ever held up by it: it is told of what has happened, never asked. It is
// told by handles, and looks by these, so that no file is opened that anybody could notice; where a file system has
// none (overlay, FUSE and what a server has), or Linux is older than 5.9, the kernel opens each file for it, which
// breaks a lease that was taken on it since.
//
// It does not see files that are still mapped or open (written_files.hpp does), files that a process outside of the
// tree closes last, nor what was only renamed or cut by name.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/process/descendants.hpp"
#include "cedana/process/file_events.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/process/written_files.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace cedana {

// Files that are kept in mind at a time, each by an open descriptor.
inline constexpr std::size_t k_most_watched_files = 4096;

struct WatchedFiles {
    // Those that have a name now, each by its present one, whatever it was written under; without uses.
    WrittenFiles written = {};
    // Why some may be missing, as one sentence each; empty if none is.
    std::vector<std::string> gaps = {};
};

// How the kernel tells of files. by_handles: where that is possible.
enum class ToldOf { by_handles, by_opening };

class HandleFolders;

class FileWatch {
  public:
    // Watches from now on. `procfs` must outlive it; `self` is the pid of cedana, which does not count. Throws
    // Error(Fault::environment) where the kernel has no fanotify or does not allow it.
    FileWatch(const Procfs& procfs, const ProcessTree& tree, pid_t self, ToldOf told = ToldOf::by_handles);
    FileWatch(const FileWatch&) = delete;
    FileWatch& operator=(const FileWatch&) = delete;
    ~FileWatch();

    // Readable when there is something to take().
    [[nodiscard]] int fd() const noexcept { return ready_.get(); }
    // Takes what has happened; never waits.
    void take(TreeState state = TreeState::running);
    // What was seen so far, by path.
    [[nodiscard]] WatchedFiles seen() const;
    // Takes the last of it, now that the tree is frozen, and ends the watch. Every name is what it will be in the
    // checkpoint.
    [[nodiscard]] WatchedFiles finish();

  private:
    struct Watched {
        // By O_PATH, or for reading where the kernel opened it.
        UniqueFd file;
        // Where it was when it was closed; empty if the kernel opened it, which has kept its name then.
        std::string closed_at;
    };

    void mark_all(const ProcessTree& tree);
    // One file system, by where it is mounted in /proc/PID/root and what that is called; false with errno.
    bool mark_by_handles(const std::vector<std::string>& places);
    bool mark_by_opening(const std::vector<std::string>& places);
    // All that one of the two groups has to tell.
    void take_from(const UniqueFd& events, TreeState state);
    void add(FileEvent event);
    [[nodiscard]] bool is_by_tree(const FileEvent& event) const;
    // With errno where it is not there.
    [[nodiscard]] Watched look_up(FileEvent event) const;
    void keep(Watched file, const struct ::stat& info);
    void forget_deleted();
    [[nodiscard]] bool is_in_upper_folder(const std::string& path, const struct ::stat& info) const;

    const Procfs& procfs_;
    pid_t self_;
    Descendants tree_;
    // Each where there is a file system that is watched so.
    UniqueFd handles_;
    UniqueFd opened_;
    // Of all.
    UniqueFd ready_;
    std::unique_ptr<HandleFolders> folders_;
    // Where the file systems are that are watched.
    std::vector<std::string> mounts_;
    // The upper folders of overlays.
    std::set<std::string> uppers_;
    std::map<FileId, Watched> files_;
    std::size_t until_next_look_ = 0;
    std::set<std::string> gaps_;
};

} // namespace cedana
