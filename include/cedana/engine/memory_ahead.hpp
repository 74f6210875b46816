// SPDX-License-Identifier: Apache-2.0
// Memory of a tree that is compressed while the tree runs, in the frames that the images of its pages will have. It
// needs nothing of the kernel but a look: a frame counts only if it has the same content once the tree stands still
// (FramesAhead), so that what changes meanwhile, or is read in the middle of a change, costs time and nothing else.
#pragma once

#include "cedana/archive/frames_ahead.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/process/page_table.hpp"
#include "cedana/process/procfs.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <sys/types.h>

namespace cedana {

class MemoryAhead {
  public:
    // Both must outlive this.
    MemoryAhead(const Procfs& procfs, FramesAhead& frames) : procfs_(procfs), frames_(frames) {}
    MemoryAhead(const MemoryAhead&) = delete;
    MemoryAhead& operator=(const MemoryAhead&) = delete;

    // Bytes of memory.
    struct Pass {
        // That were looked at.
        std::uint64_t seen = 0;
        // That no frame had.
        std::uint64_t fresh = 0;
    };
    // Looks at all that CRIU would write now of these processes, which run, and has `fresh` called with each frame that
    // was not there before: from several threads. What it throws this throws; Error(Fault::interrupted). `seen`: hears
    // after each frame how many bytes of how many were looked at, from several threads. Ends early once more than
    // `most_fresh` was fresh.
    [[nodiscard]] Pass look(const std::vector<pid_t>& pids, std::uint64_t most_fresh,
                            const std::function<void(const FrameAhead&)>& fresh,
                            const std::function<void(std::uint64_t done, std::uint64_t all)>& seen,
                            const Interrupt& interrupt);

  private:
    struct Process {
        PageTable table;
        std::vector<std::uint64_t> left_out = {};
    };
    // As one frame of an image has it: pages in a row.
    struct Place {
        pid_t pid = 0;
        const PageTable* table = nullptr;
        std::vector<PageRange> pages = {};
        std::size_t size = 0;
    };

    [[nodiscard]] const Process* known(pid_t pid);
    static void add_places(pid_t pid, const PageTable& table, const std::vector<PageRange>& pages,
                           std::vector<Place>& places);
    [[nodiscard]] std::vector<Place> places(const std::vector<pid_t>& pids);

    const Procfs& procfs_;
    FramesAhead& frames_;
    // Absent: left alone.
    std::map<pid_t, std::optional<Process>> processes_;
};

} // namespace cedana
