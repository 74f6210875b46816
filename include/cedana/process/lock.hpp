// SPDX-License-Identifier: Apache-2.0
// One checkpoint at a time: every process of a tree is locked, so that a dump of a child and one of its parent
// meet. The locks are flock(2)s: they end with the process that holds them, however it ends.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/process/identity.hpp"

#include <filesystem>
#include <utility>
#include <vector>

namespace cedana {

inline constexpr const char* k_lock_folder = "/run/cedana/locks";

// Removes lock files whose holders were killed.
void remove_stale_locks(const std::filesystem::path& folder = k_lock_folder);

class TreeLock {
  public:
    // Locks all of them or none, without blocking. Makes the folder (0700) if it is missing.
    // Throws Error(Fault::dump_failed) that names the cedana process which has one of them.
    // What is locked is unlocked, and its file removed, on destruction.
    explicit TreeLock(std::vector<ProcessId> processes, const std::filesystem::path& folder = k_lock_folder);

  private:
    class LockFile {
      public:
        LockFile(std::filesystem::path path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
        LockFile(LockFile&&) noexcept = default;
        LockFile& operator=(LockFile&&) = delete;
        ~LockFile();
        // Writes cedana's pid into it.
        void sign() const;

      private:
        std::filesystem::path path_;
        UniqueFd file_;
    };
    [[nodiscard]] static LockFile lock(const ProcessId& process, const std::filesystem::path& folder);

    std::vector<LockFile> files_;
};

} // namespace cedana
