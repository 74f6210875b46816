// SPDX-License-Identifier: Apache-2.0
// One userfaultfd(2): the page faults of an address space, and what its process does with its mappings meanwhile. The
// process waits for each event until it is read. Made by CRIU in the restored task, with the events of
// Documentation/admin-guide/mm/userfaultfd.rst ("non-cooperative").
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>

namespace cedana::criu {

class UserFault {
  public:
    struct Touched {
        std::uint64_t address = 0;
    };
    // Now zeros (madvise(2)) or not mapped any more (munmap(2)).
    struct Dropped {
        std::uint64_t start = 0;
        std::uint64_t end = 0;
        bool still_mapped = false;
    };
    struct Moved {
        std::uint64_t from = 0;
        std::uint64_t to = 0;
        std::uint64_t length = 0;
    };
    struct Forked {
        // The child's.
        UniqueFd descriptor;
    };
    using Event = std::variant<Touched, Dropped, Moved, Forked>;

    enum class Outcome {
        done,
        // An event waits to be read, or its process has not gone on yet: try again.
        changing,
        // Something is there already.
        present,
        // No mapping that is watched, or not one alone.
        not_mapped,
        // The address space is gone.
        gone,
    };
    struct Copied {
        Outcome outcome = Outcome::done;
        std::size_t bytes = 0;
    };

    explicit UserFault(UniqueFd fd) : fd_(std::move(fd)) {}

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    // Absent while there is none. Throws Error.
    [[nodiscard]] std::optional<Event> next() const;
    // Whole pages. Wakes who waits for them. Throws Error where none of the outcomes fits: no memory above all.
    [[nodiscard]] Copied copy(std::uint64_t to, std::span<const std::byte> pages) const;
    [[nodiscard]] Outcome zero(std::uint64_t page, std::size_t size) const;
    // Whoever waits for the page tries again.
    void wake(std::uint64_t page, std::size_t size) const;
    // The kernel fills what is touched there with zeros from now on.
    void ignore(std::uint64_t start, std::uint64_t end) const;
    // No event waits to be read, and all whose event was read have gone on.
    [[nodiscard]] bool is_steady() const;

  private:
    UniqueFd fd_;
};

// Whether this process can have a userfaultfd with the events that a lazy restore needs. Throws
// Error(Fault::environment) with the remedy if not.
void require_userfault();

} // namespace cedana::criu
