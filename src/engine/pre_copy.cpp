// SPDX-License-Identifier: Apache-2.0
#include "cedana/engine/pre_copy.hpp"

#include "cedana/base/parallel.hpp"
#include "cedana/engine/dumped_pages.hpp"
#include "cedana/process/memory_areas.hpp"
#include "cedana/process/open_files.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

namespace cedana {

namespace {

// Of process_vm_readv(2): IOV_MAX.
constexpr std::size_t k_most_pieces = 1024;
// What is copied by one thread at a time.
constexpr std::uint64_t k_window = 8UL * 1024 * 1024;

bool can_be_copied(const MemoryArea& area) {
    // Of devices, of huge pages, what may be dropped, what another process fills or protects, and shadow stacks.
    constexpr auto k_others = std::to_array<std::string_view>({"io", "pf", "ht", "dp", "um", "uw", "ui", "ss"});
    return area.is_private && area.is_readable && area.inode == 0 && !is_of_kernel_alone(area) && area.name != k_vdso &&
           std::ranges::none_of(k_others, [&](std::string_view flag) { return area.has_flag(flag); });
}

// What is written without a note: by devices into memory that was handed to them before the notes were cleared, and by
// the kernel into rings. Notes of the kernel that somebody reads himself are not to be cleared under him.
bool must_be_left_alone(const Procfs& procfs, pid_t pid, const std::vector<MemoryArea>& areas) {
    if (std::ranges::any_of(areas, [](const MemoryArea& area) { return area.name.starts_with("/[aio]"); }))
        return true;
    return std::ranges::any_of(open_files(procfs, pid), [](const OpenFile& file) {
        return (file.flags & O_DIRECT) != 0 ||
               (file.target.starts_with("/proc/") &&
                (file.target.ends_with("/clear_refs") || file.target.ends_with("/pagemap")));
    });
}

void add_run(std::vector<criu::ForeseenRun>& runs, const criu::ForeseenRun& run) {
    if (!runs.empty()) {
        criu::ForeseenRun& last = runs.back();
        const bool is_beside = last.place == nullptr ? run.place == nullptr : last.place + last.size == run.place;
        if (last.address + last.size == run.address && last.is_known == run.is_known && is_beside) {
            last.size += run.size;
            return;
        }
    }
    runs.push_back(run);
}

} // namespace

WriteTracking kernel_write_tracking() {
    return {.begin = track_writes, .is_unchanged = [](const CopiedPage& page) {
                return page.then.is_present() && page.now.is_present() && !page.now.is_soft_dirty() &&
                       page.now.frame() != 0 && page.now.frame() == page.then.frame();
            }};
}

PreCopy::PreCopy(std::uint64_t most, WriteTracking tracking)
    : tracking_(std::move(tracking)), memory_(most / page_size() * page_size()) {
    // It is no fault where the kernel gives none.
    ::madvise(memory_.bytes().data(), memory_.bytes().size(), MADV_HUGEPAGE);
}

void PreCopy::copy(const Procfs& procfs, const std::vector<pid_t>& pids, const Interrupt& interrupt) {
    procfs_ = &procfs;
    std::vector<Window> windows;
    for (const pid_t pid : pids)
        add_process(procfs, pid, windows);
    for (const Process& process : processes_)
        static_cast<void>(tracking_.begin(process.pid));
    std::vector<std::vector<Copied>> copied(windows.size());
    parallel(windows.size(), core_count(), [&](std::size_t window, const auto&) {
        interrupt.throw_if_pending();
        copied[window] = copy_window(windows[window]);
    });
    for (std::size_t window = 0; window < windows.size(); ++window)
        std::ranges::move(copied[window], std::back_inserter(processes_[windows[window].process].copied));
}

void PreCopy::add_process(const Procfs& procfs, pid_t pid, std::vector<Window>& windows) {
    const auto status = procfs.status(pid);
    const std::string smaps = procfs.read(pid, "smaps").value_or("");
    const std::vector<MemoryArea> areas = parse_areas(smaps);
    auto table = PageTable::open(pid);
    if (!status || !table || areas.empty() || is_sparse(areas, status->memory.total()) ||
        must_be_left_alone(procfs, pid, areas))
        return;
    Process process{.pid = pid,
                    .task = status->namespace_pids.back(),
                    .table = std::move(*table),
                    .left_out = left_out_by_criu(areas)};
    for (const MemoryArea& area : areas) {
        if (!can_be_copied(area))
            continue;
        for (std::uint64_t start = area.start; start < area.end; start += k_window)
            windows.push_back(
                {.process = processes_.size(), .range = {.start = start, .end = std::min(start + k_window, area.end)}});
    }
    processes_.push_back(std::move(process));
}

// Null once there is no more.
std::byte* PreCopy::take(std::size_t bytes) {
    std::size_t taken = taken_;
    do {
        if (bytes > memory_.bytes().size() - taken)
            return nullptr;
    } while (!taken_.compare_exchange_weak(taken, taken + bytes));
    return memory_.bytes().data() + taken;
}

std::vector<PreCopy::Copied> PreCopy::copy_window(const Window& window) {
    const Process& process = processes_[window.process];
    std::vector<PageEntry> before((window.range.end - window.range.start) / page_size());
    if (process.table.read(window.range.start, before) < before.size())
        return {};
    std::vector<iovec> pieces;
    std::size_t bytes = 0;
    for (std::size_t page = 0; page < before.size(); ++page) {
        if (!before[page].is_present() || before[page].is_of_file())
            continue;
        void* const address =
            reinterpret_cast<void*>(window.range.start + page * page_size()); // NOLINT(performance-no-int-to-ptr)
        if (!pieces.empty() && static_cast<std::byte*>(pieces.back().iov_base) + pieces.back().iov_len == address)
            pieces.back().iov_len += page_size();
        else if (pieces.size() < k_most_pieces)
            pieces.push_back({.iov_base = address, .iov_len = page_size()});
        else
            break;
        bytes += page_size();
    }
    std::byte* const memory = bytes == 0 ? nullptr : take(bytes);
    if (memory == nullptr)
        return {};
    const iovec here{.iov_base = memory, .iov_len = bytes};
    const ssize_t count = ::process_vm_readv(process.pid, &here, 1, pieces.data(), pieces.size(), 0);
    if (count <= 0)
        return {};
    std::vector<PageEntry> after(before.size());
    if (process.table.read(window.range.start, after) < after.size())
        return {};
    std::vector<Copied> copied;
    std::size_t left = static_cast<std::size_t>(count) / page_size();
    std::byte* next = memory;
    for (const iovec& piece : pieces) {
        const std::size_t pages = std::min(piece.iov_len / page_size(), left);
        const auto address = reinterpret_cast<std::uint64_t>(piece.iov_base);
        const std::size_t first = (address - window.range.start) / page_size();
        Copied& one = copied.emplace_back(Copied{.address = address, .bytes = next});
        for (std::size_t page = first; page < first + pages; ++page)
            one.entries.push_back(before[page] == after[page] ? before[page] : PageEntry());
        left -= pages;
        next += piece.iov_len;
    }
    return copied;
}

std::optional<std::vector<criu::ForeseenRun>> PreCopy::foresee(pid_t task) {
    const auto is_it = [&](const Process& one) { return one.task == task; };
    const auto process = std::ranges::find_if(processes_, is_it);
    if (process == processes_.end() || process->copied.empty() || std::ranges::count_if(processes_, is_it) != 1)
        return std::nullopt;
    const auto dumped = dumped_pages(*procfs_, process->pid, process->table, process->left_out, Seized::already);
    if (!dumped)
        return std::nullopt;
    std::vector<criu::ForeseenRun> runs;
    for (const PageRange& range : *dumped)
        add_runs(*process, range, runs);
    for (criu::ForeseenRun& run : runs)
        if (run.place == nullptr && (run.place = take(run.size)) == nullptr)
            return std::nullopt;
    for (const criu::ForeseenRun& run : runs)
        spared_ += run.is_known ? run.size : 0;
    return runs;
}

void PreCopy::add_runs(const Process& process, const PageRange& range, std::vector<criu::ForeseenRun>& runs) const {
    std::uint64_t done = range.start;
    auto next = std::ranges::upper_bound(process.copied, range.start, {}, &Copied::end);
    for (; next != process.copied.end() && next->address < range.end; ++next) {
        const PageRange part{.start = std::max(next->address, range.start), .end = std::min(next->end(), range.end)};
        if (done < part.start)
            add_run(runs, {.address = done, .size = part.start - done});
        add_copied(process, *next, part, runs);
        done = part.end;
    }
    if (done < range.end)
        add_run(runs, {.address = done, .size = range.end - done});
}

// Of pages that are dumped.
void PreCopy::add_copied(const Process& process, const Copied& copied, const PageRange& part,
                         std::vector<criu::ForeseenRun>& runs) const {
    std::vector<PageEntry> now((part.end - part.start) / page_size());
    const std::size_t known = process.table.read(part.start, now);
    std::size_t offset = part.start - copied.address;
    for (std::size_t page = 0; page < now.size(); ++page, offset += page_size()) {
        const std::uint64_t address = copied.address + offset;
        const bool is_unchanged = page < known && tracking_.is_unchanged({.pid = process.pid,
                                                                          .address = address,
                                                                          .then = copied.entries[offset / page_size()],
                                                                          .now = now[page],
                                                                          .copy = copied.bytes + offset});
        add_run(runs,
                {.address = address, .size = page_size(), .place = copied.bytes + offset, .is_known = is_unchanged});
    }
}

} // namespace cedana
