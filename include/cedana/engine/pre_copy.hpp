// SPDX-License-Identifier: Apache-2.0
// Memory of a tree that is copied while the tree runs, so that it need not stand still for it: what a process has not
// written to since is not read from CRIU again. Only private memory without a file; never that of a process whose
// memory the kernel may change behind its back (io_setup(2), O_DIRECT), or that has such notes of the kernel open
// itself.
#pragma once

#include "cedana/archive/page_memory.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/units.hpp"
#include "cedana/criu/foreseen_pages.hpp"
#include "cedana/process/page_table.hpp"
#include "cedana/process/procfs.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <sys/types.h>

namespace cedana {

// One page that there is a copy of.
struct CopiedPage {
    pid_t pid = 0;
    std::uint64_t address = 0;
    // Of when it was copied, and of now.
    PageEntry then;
    PageEntry now;
    const std::byte* copy = nullptr;
};

// Who knows what was written to.
struct WriteTracking {
    // Begins; false if the process is gone.
    std::function<bool(pid_t pid)> begin;
    // Of a tree that stands still.
    std::function<bool(const CopiedPage& page)> is_unchanged;
};

// The kernel (PageTable). A page is unchanged if it was not written to and lies in the same frame: the second is a
// witness for what was moved there without being written to (mremap(2)), should the kernel have made no note of it.
[[nodiscard]] WriteTracking kernel_write_tracking();

class PreCopy : public criu::ForeseenPages {
  public:
    // How much memory it should have for a tree with so many bytes of images: some of its pages will be new.
    [[nodiscard]] static std::uint64_t memory_for(std::uint64_t images) { return images + images / 8 + 32 * k_mib; }

    // `most`: bytes of memory that it may take, for the copies and for pages that are new once the tree stands still.
    // Throws Error(Fault::environment) when there is no room.
    PreCopy(std::uint64_t most, WriteTracking tracking);
    PreCopy(const PreCopy&) = delete;
    PreCopy& operator=(const PreCopy&) = delete;
    ~PreCopy() override = default;

    // Copies what can be copied of these processes, which run. Once; `procfs` must outlive this.
    void copy(const Procfs& procfs, const std::vector<pid_t>& pids, const Interrupt& interrupt);
    // Bytes of the copies that were still right, of all that was foreseen.
    [[nodiscard]] std::uint64_t spared() const { return spared_; }

    [[nodiscard]] std::optional<std::vector<criu::ForeseenRun>> foresee(pid_t task) override;

  private:
    // Pages in a row, copied side by side.
    struct Copied {
        std::uint64_t address = 0;
        // As each was before and after it was copied; no bit is set of those that changed meanwhile.
        std::vector<PageEntry> entries = {};
        std::byte* bytes = nullptr;

        [[nodiscard]] std::uint64_t end() const { return address + entries.size() * page_size(); }
    };
    struct Process {
        pid_t pid = 0;
        // In its innermost pid namespace.
        pid_t task = 0;
        PageTable table;
        // What CRIU leaves out whatever is in it (MAP_DROPPABLE): where each begins.
        std::vector<std::uint64_t> left_out = {};
        // In ascending order.
        std::vector<Copied> copied = {};
    };
    // A part of a mapping.
    struct Window {
        std::size_t process = 0;
        PageRange range;
    };

    void add_process(const Procfs& procfs, pid_t pid, std::vector<Window>& windows);
    [[nodiscard]] std::vector<Copied> copy_window(const Window& window);
    [[nodiscard]] std::byte* take(std::size_t bytes);
    void add_runs(const Process& process, const PageRange& range, std::vector<criu::ForeseenRun>& runs) const;
    void add_copied(const Process& process, const Copied& copied, const PageRange& part,
                    std::vector<criu::ForeseenRun>& runs) const;

    WriteTracking tracking_;
    PageMemory memory_;
    const Procfs* procfs_ = nullptr;
    // Of the memory, from its start.
    std::atomic<std::size_t> taken_ = 0;
    std::vector<Process> processes_;
    std::uint64_t spared_ = 0;
};

} // namespace cedana
