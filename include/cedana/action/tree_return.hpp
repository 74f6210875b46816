// SPDX-License-Identifier: Apache-2.0
// The part of a restore that changes things: files are put back, and CRIU brings the tree back. What is not committed
// is undone.
#pragma once

#include "cedana/action/restore_steps.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/stopwatch.hpp"
#include "cedana/files/made_entries.hpp"
#include "cedana/files/remap_guard.hpp"
#include "cedana/lazy/start.hpp"
#include "cedana/roles/restore.hpp"
#include "cedana/undo/connection_hold.hpp"
#include "cedana/undo/socket_guard.hpp"
#include "cedana/undo/work_folder.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

struct Restored {
    roles::RestoreReport report = {};
    std::vector<RestoredFile> files = {};
    // Of a lazy restore: who brings the memory.
    std::unique_ptr<LazyStart> start = {};
};

class TreeReturn {
  public:
    // All must outlive this. Makes the work folder.
    TreeReturn(RestoreDraft& draft, Progress& progress, Stopwatch& watch);
    TreeReturn(const TreeReturn&) = delete;
    TreeReturn& operator=(const TreeReturn&) = delete;

    // Returns once the tree runs. When it throws nothing of it runs, and once this is destroyed files are as they were.
    [[nodiscard]] Restored run();

  private:
    void put_files_back();
    void make_unit_entries();
    void refuse_taken_names() const;
    void run_criu();
    void put_huge_pages() const;
    [[nodiscard]] bool lends_keys() const;
    void complete_standing(pid_t root);
    void put_settings_back(pid_t root);
    void put_settings_back_late();
    // Whether it must be held before it runs, so that what CRIU does not keep of it is put back.
    [[nodiscard]] bool has_settings() const;
    [[nodiscard]] criu::RestoreJob job(Progress& shown);
    [[nodiscard]] roles::RestoreRoles restore_roles() const;
    [[nodiscard]] std::string own_root() const;
    [[noreturn]] void explain_failure() const;
    [[nodiscard]] bool has_own_pids() const { return draft_.request.new_pid_namespace; }
    // The pid that CRIU has restored, as this process sees it.
    [[nodiscard]] pid_t seen_from_here(pid_t restored) const;

    RestoreDraft& draft_;
    Progress& progress_;
    Stopwatch& watch_;
    // "restoring /var/checkpoints/x.zip"
    std::string activity_;
    WorkFolder work_;
    std::optional<MadeEntries> made_entries_;
    FileRestore files_;
    Restored restored_;
    std::optional<RemapGuard> remaps_;
    std::optional<SocketGuard> sockets_;
    // While CRIU makes the sockets.
    std::optional<ConnectionHold> held_connections_;
    bool has_settings_ = true;
    // What could not be put back of what CRIU does not keep: sentences.
    std::vector<std::string> lost_;
};

} // namespace cedana
