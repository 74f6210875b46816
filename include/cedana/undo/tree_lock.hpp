// SPDX-License-Identifier: Apache-2.0
// One cedana at a time: every process of a tree is locked by its pid, so that a dump of a child and one of its parent
// meet, and so do a restore and whoever else wants those pids. The locks are flock(2)s: they end with the process that
// holds them, however it ends. A container that comes back has other pids than it had: it is locked by its names.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <compare>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace cedana {

inline constexpr const char* k_lock_folder = "/run/cedana/locks";

// Removes lock files whose holders were killed; how many.
std::size_t remove_stale_locks(const std::filesystem::path& folder = k_lock_folder);

enum class LockedFor { dump, restore };

// Throws as TreeLock::add() does if another cedana has one of them; locks nothing, and makes no file.
void require_unlocked(LockedFor purpose, const std::vector<pid_t>& pids,
                      const std::filesystem::path& folder = k_lock_folder);

// A container by its engine and what that calls it: its name, or its id.
struct LockedContainer {
    std::string engine;
    std::string name;
    friend auto operator<=>(const LockedContainer&, const LockedContainer&) = default;
};
// The same of containers.
void require_containers_unlocked(LockedFor purpose, const std::vector<LockedContainer>& containers,
                                 const std::filesystem::path& folder = k_lock_folder);

class TreeLock {
  public:
    // Makes the folder (0700) if it is missing.
    explicit TreeLock(LockedFor purpose, std::filesystem::path folder = k_lock_folder);
    TreeLock(TreeLock&&) noexcept = default;
    TreeLock& operator=(TreeLock&&) = delete;
    // What is locked is unlocked, and its file removed.
    ~TreeLock() = default;

    // Locks all that are not yet locked here, or none; waits a fifth of a second at most, for a lock whose holder is no
    // cedana that works. Throws Error (Fault::dump_failed or Fault::restore_failed) that names the cedana process which
    // has one of them, and what it does.
    void add(std::vector<pid_t> pids);
    // The same of containers, in this order; none may be there twice.
    void add_containers(std::vector<LockedContainer> containers);

  private:
    class LockFile {
      public:
        LockFile(std::filesystem::path path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
        LockFile(LockFile&&) noexcept = default;
        LockFile& operator=(LockFile&&) = delete;
        ~LockFile();
        // Writes into it which process cedana is and what it does.
        void sign(LockedFor purpose) const;

      private:
        std::filesystem::path path_;
        UniqueFd file_;
    };
    template <typename Name>
    void add_all(std::vector<Name> wanted, std::vector<Name>& had);
    template <typename Name>
    [[nodiscard]] LockFile lock(const Name& name) const;

    LockedFor purpose_;
    std::filesystem::path folder_;
    std::vector<pid_t> pids_;
    std::vector<LockedContainer> containers_;
    std::vector<LockFile> files_;
};

} // namespace cedana
