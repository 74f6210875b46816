// SPDX-License-Identifier: Apache-2.0
// What the kernel tells of each page of a process's memory (/proc/PID/pagemap, Documentation/admin-guide/mm/pagemap.rst
// and soft-dirty.rst). Bound to the memory that the process has when it is opened: after execve(2), and of another
// process that has its pid later, nothing is read.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <sys/types.h>

namespace cedana {

// Of one page.
class PageEntry {
  public:
    PageEntry() = default;
    explicit PageEntry(std::uint64_t bits) : bits_(bits) {}

    [[nodiscard]] bool is_present() const { return has_bit(63); }
    [[nodiscard]] bool is_swapped() const { return has_bit(62); }
    // Of a file, or of shared memory.
    [[nodiscard]] bool is_of_file() const { return has_bit(61); }
    // A page that faults (madvise(2), MADV_GUARD_INSTALL).
    [[nodiscard]] bool is_guard() const { return has_bit(58); }
    // Written to since the bits were cleared (track_writes()), or mapped anew.
    [[nodiscard]] bool is_soft_dirty() const { return has_bit(55); }
    // Of a page that is present; 0 without CAP_SYS_ADMIN.
    [[nodiscard]] std::uint64_t frame() const { return bits_ & ((std::uint64_t{1} << 55) - 1); }
    friend bool operator==(const PageEntry&, const PageEntry&) = default;

  private:
    [[nodiscard]] bool has_bit(unsigned bit) const { return ((bits_ >> bit) & 1) != 0; }

    std::uint64_t bits_ = 0;
};

struct PageRange {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    friend bool operator==(const PageRange&, const PageRange&) = default;
};

class PageTable {
  public:
    // Absent if the process is gone or may not be looked at.
    [[nodiscard]] static std::optional<PageTable> open(pid_t pid);

    // The pages from `address` on. How many there are: less than asked for once the memory is gone.
    [[nodiscard]] std::size_t read(std::uint64_t address, std::span<PageEntry> out) const;
    // What of a private mapping CRIU writes into its images, in ascending order: what is there or swapped, neither of a
    // file nor the page of zeros (should_dump_page() of criu/mem.c, pmc_fill() of criu/pagemap-cache.c). Absent once
    // the memory is gone.
    [[nodiscard]] std::optional<std::vector<PageRange>> dumped(const PageRange& mapping) const;

  private:
    PageTable(pid_t pid, UniqueFd file) : pid_(pid), file_(std::move(file)) {}
    [[nodiscard]] std::optional<std::vector<PageRange>> scan(const PageRange& mapping) const;

    pid_t pid_;
    UniqueFd file_;
};

// Whether the kernel can tell which pages are written to (CONFIG_MEM_SOFT_DIRTY) and lets this process see where they
// lie. Asked once.
[[nodiscard]] bool kernel_tracks_writes();

// From here on the kernel notes which pages of the process are written to, and forgets what it has noted before. False
// if the process is gone.
[[nodiscard]] bool track_writes(pid_t pid);

} // namespace cedana
