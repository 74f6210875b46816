// SPDX-License-Identifier: Apache-2.0
#include "cedana/engine/memory_ahead.hpp"

#include "cedana/archive/page_memory.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/engine/dumped_pages.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <span>
#include <string>
#include <utility>

#include <sys/uio.h>

namespace cedana {

namespace {

// Of process_vm_readv(2): IOV_MAX.
constexpr std::size_t k_most_ranges = 1024;

// False if it is not all there any more.
bool read_pages(pid_t pid, const std::vector<PageRange>& pages, std::span<std::byte> out) {
    std::vector<iovec> there;
    for (const PageRange& range : pages)
        there.push_back({.iov_base = reinterpret_cast<void*>(range.start), // NOLINT(performance-no-int-to-ptr)
                         .iov_len = range.end - range.start});
    for (std::span<const iovec> rest = there; !rest.empty();) {
        const std::span<const iovec> some = rest.first(std::min(rest.size(), k_most_ranges));
        std::size_t size = 0;
        for (const iovec& one : some)
            size += one.iov_len;
        const iovec here{.iov_base = out.data(), .iov_len = size};
        if (::process_vm_readv(pid, &here, 1, some.data(), some.size(), 0) != static_cast<ssize_t>(size))
            return false;
        out = out.subspan(size);
        rest = rest.subspan(some.size());
    }
    return true;
}

// Then it was it that was read, and no process that has its pid since: this table is of its memory alone.
bool is_still_there(const PageTable& table, const PageRange& pages) {
    PageEntry entry;
    return table.read(pages.start, {&entry, 1}) == 1;
}

} // namespace

// Null for one that is gone, or is left alone.
const MemoryAhead::Process* MemoryAhead::known(pid_t pid) {
    const auto [place, is_new] = processes_.try_emplace(pid);
    if (!is_new)
        return place->second ? &*place->second : nullptr;
    const auto status = procfs_.status(pid);
    const std::string smaps = procfs_.read(pid, "smaps").value_or("");
    const std::vector<MemoryArea> areas = parse_areas(smaps);
    auto table = PageTable::open(pid);
    if (!status || !table || is_sparse(areas, status->memory.total()))
        return nullptr;
    return &place->second.emplace(Process{.table = std::move(*table), .left_out = left_out_by_criu(areas)});
}

void MemoryAhead::add_places(pid_t pid, const PageTable& table, const std::vector<PageRange>& pages,
                             std::vector<Place>& places) {
    // The image of each process has frames of its own.
    places.push_back({.pid = pid, .table = &table});
    for (PageRange range : pages)
        while (range.start < range.end) {
            if (places.back().size == k_frame_size)
                places.push_back({.pid = pid, .table = &table});
            Place& place = places.back();
            const std::uint64_t size = std::min<std::uint64_t>(range.end - range.start, k_frame_size - place.size);
            place.pages.push_back({.start = range.start, .end = range.start + size});
            place.size += size;
            range.start += size;
        }
    if (places.back().size == 0)
        places.pop_back();
}

std::vector<MemoryAhead::Place> MemoryAhead::places(const std::vector<pid_t>& pids) {
    std::vector<Place> places;
    for (const pid_t pid : pids)
        if (const Process* const process = known(pid))
            if (const auto pages = dumped_pages(procfs_, pid, process->table, process->left_out, Seized::not_yet))
                add_places(pid, process->table, *pages, places);
    return places;
}

MemoryAhead::Pass MemoryAhead::look(const std::vector<pid_t>& pids, std::uint64_t most_fresh,
                                    const std::function<void(const FrameAhead&)>& fresh,
                                    const std::function<void(std::uint64_t done, std::uint64_t all)>& seen,
                                    const Interrupt& interrupt) {
    const std::vector<Place> all = places(pids);
    std::uint64_t bytes = 0;
    for (const Place& place : all)
        bytes += place.size;
    std::atomic<std::uint64_t> bytes_seen = 0;
    std::atomic<std::uint64_t> bytes_fresh = 0;
    std::atomic<bool> is_full = false;
    const unsigned threads = core_count();
    std::atomic<std::size_t> next = 0;
    parallel(threads, threads, [&](std::size_t, const std::stop_token& stop) {
        const PageMemory memory(k_frame_size);
        while (!stop.stop_requested() && !is_full && bytes_fresh <= most_fresh) {
            const std::size_t number = next++;
            if (number >= all.size())
                return;
            interrupt.throw_if_pending();
            const Place& place = all[number];
            const auto content = memory.bytes().first(place.size);
            if (!read_pages(place.pid, place.pages, content) || !is_still_there(*place.table, place.pages.front()))
                continue;
            const auto begun = std::chrono::steady_clock::now();
            if (const auto added = frames_.add(content)) {
                const auto compressed = std::chrono::steady_clock::now();
                is_full = is_full || *added == nullptr;
                bytes_fresh += place.size;
                if (*added != nullptr)
                    fresh(**added);
                frames_.pace(compressed - begun, std::chrono::steady_clock::now() - compressed);
            }
            seen(bytes_seen += place.size, bytes);
        }
    });
    return {.seen = bytes_seen, .fresh = bytes_fresh};
}

} // namespace cedana
