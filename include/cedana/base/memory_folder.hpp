// SPDX-License-Identifier: Apache-2.0
// A folder in memory without a name: a tmpfs that is mounted nowhere (fsmount(2)) and that its descriptor alone leads
// to. Whatever becomes of those who have it open, nothing of it is left after them.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace cedana {

// Whether what is in it may be swapped out to a disk, as other memory may.
enum class Swap { possible, never };

class MemoryFolder {
  public:
    // `most_bytes`: what its files may take together, in whole pages; more is refused to whoever writes (ENOSPC).
    // Absent where the kernel has no such folders (before Linux 5.2, and before 6.4 none of which nothing is swapped
    // out), this process may make none, or no file of it may become so large (RLIMIT_FSIZE).
    [[nodiscard]] static std::optional<MemoryFolder> make(std::uint64_t most_bytes, Swap swap);

    [[nodiscard]] int fd() const noexcept { return folder_.get(); }
    // What its files take, in whole pages. Throws Error.
    [[nodiscard]] std::uint64_t bytes() const;
    // Nothing more fits: something may have been refused. Throws Error.
    [[nodiscard]] bool is_full() const;
    // Whoever is writing to it fails soon (ENOSPC): next to nothing fits any more.
    void take_no_more() const noexcept;

  private:
    MemoryFolder(UniqueFd folder, bool is_never_swapped)
        : folder_(std::move(folder)), is_never_swapped_(is_never_swapped) {}
    [[nodiscard]] bool shrink() const;

    UniqueFd folder_;
    bool is_never_swapped_;
};

} // namespace cedana
