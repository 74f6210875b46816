// SPDX-License-Identifier: Apache-2.0
// The work folder of one dump, restore or trial, or of the memory that comes after a lazy one, under the state
// folder: sockets, CRIU's log, and the record of what is to be taken back should cedana be killed. It is locked
// (flock(2)) by the cedana that made it and, through an inherited descriptor, by the CRIU that works in it: where
// nobody holds the lock, nobody works any more.
#pragma once

#include "cedana/base/files.hpp"
#include "cedana/base/unique_fd.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

enum class WorkKind { dump, restore, lazy, trial };

class WorkFolder {
  public:
    // KIND.PID.START.XXXXXX in `parent`. Throws Error.
    WorkFolder(WorkKind kind, const std::filesystem::path& parent);
    WorkFolder(const WorkFolder&) = delete;
    WorkFolder& operator=(const WorkFolder&) = delete;
    // As remove_work(), unless it is to be kept.
    ~WorkFolder();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return folder_.path(); }
    // For the CRIU that is started: it holds the lock for as long as it has this open.
    [[nodiscard]] int lock() const noexcept { return lock_.get(); }
    // It stays behind as one that is abandoned.
    void keep() noexcept { static_cast<void>(folder_.release()); }

  private:
    TempDir folder_;
    UniqueFd lock_;
};

// One in which nobody works. It is locked for whoever holds this, so that nobody else takes it up.
struct AbandonedWork {
    std::filesystem::path path;
    WorkKind kind = WorkKind::dump;
    // The cedana that made it, which is gone.
    pid_t cedana = 0;
    UniqueFd lock;
};

// One in which somebody works.
struct BusyWork {
    std::filesystem::path path;
    WorkKind kind = WorkKind::dump;
    // The cedana that made it; it may be gone where another one goes on.
    pid_t cedana = 0;
    friend bool operator==(const BusyWork&, const BusyWork&) = default;
};

struct WorkFolders {
    std::vector<AbandonedWork> abandoned;
    std::vector<BusyWork> busy;
};

[[nodiscard]] WorkFolders find_work_folders(const std::filesystem::path& parent);

// Removes a folder whose work is done; the caller has its lock. It is no work folder any more before anything in it
// goes: from a part of what was noted there another cedana would conclude what is not so, should this one be killed
// now. Throws Error; what can be left then is for remove_ended_work().
void remove_work(const std::filesystem::path& folder);

// What nobody goes on to remove; which they were. What cannot be removed is told in the log.
std::vector<std::filesystem::path> remove_ended_work(const std::filesystem::path& parent);

} // namespace cedana
