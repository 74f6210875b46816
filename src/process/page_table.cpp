// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/page_table.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace cedana {

namespace {

// Entries that are read at a time: 8 MiB of memory.
constexpr std::size_t k_window = 2048;

// Of linux/fs.h since Linux 6.7, which the headers of older systems do not have.
struct ScanRegion {
    std::uint64_t start;
    std::uint64_t end;
    std::uint64_t categories;
};
struct ScanArgument {
    std::uint64_t size;
    std::uint64_t flags;
    std::uint64_t start;
    std::uint64_t end;
    std::uint64_t walk_end;
    std::uint64_t regions;
    std::uint64_t regions_size;
    std::uint64_t most_pages;
    std::uint64_t inverted;
    std::uint64_t all_of;
    std::uint64_t any_of;
    std::uint64_t returned;
};
constexpr std::uint64_t k_is_of_file = 1U << 2U;
constexpr std::uint64_t k_is_present = 1U << 3U;
constexpr std::uint64_t k_is_swapped = 1U << 4U;
constexpr std::uint64_t k_is_zero = 1U << 5U;
const unsigned long k_scan = _IOWR('f', 16, ScanArgument);

// One page of memory of one's own.
class OwnPage {
  public:
    OwnPage() : memory_(::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        if (memory_ == MAP_FAILED)
            throw OsFailure(Fault::environment).error("cannot map a page of memory");
    }
    OwnPage(const OwnPage&) = delete;
    OwnPage& operator=(const OwnPage&) = delete;
    ~OwnPage() { ::munmap(memory_, page_size()); }

    void read() const { static_cast<void>(*static_cast<const volatile char*>(memory_)); }
    void write() const { *static_cast<volatile char*>(memory_) = 1; }
    [[nodiscard]] PageEntry entry() const {
        std::array<PageEntry, 1> entry = {};
        if (const auto table = PageTable::open(::getpid()))
            static_cast<void>(table->read(reinterpret_cast<std::uint64_t>(memory_), entry));
        return entry[0];
    }

  private:
    void* memory_;
};

// Where all pages lie that were read and never written to.
std::uint64_t zero_frame() {
    static const std::uint64_t k_frame = [] {
        const OwnPage page;
        page.read();
        return page.entry().frame();
    }();
    return k_frame;
}

void add_to(std::vector<PageRange>& ranges, const PageRange& range) {
    if (!ranges.empty() && ranges.back().end == range.start)
        ranges.back().end = range.end;
    else
        ranges.push_back(range);
}

} // namespace

std::optional<PageTable> PageTable::open(pid_t pid) {
    UniqueFd file(::open(fmt::format("/proc/{}/pagemap", pid).c_str(), O_RDONLY | O_CLOEXEC));
    return file ? std::optional(PageTable(pid, std::move(file))) : std::nullopt;
}

std::size_t PageTable::read(std::uint64_t address, std::span<PageEntry> out) const {
    static_assert(sizeof(PageEntry) == sizeof(std::uint64_t));
    return read_at(file_.get(), address / page_size() * sizeof(PageEntry), std::as_writable_bytes(out),
                   fmt::format("/proc/{}/pagemap", pid_)) /
           sizeof(PageEntry);
}

// Absent where the kernel cannot. CRIU asks in this way where it can, which tells more zeros than the entries do: huge
// pages of them.
std::optional<std::vector<PageRange>> PageTable::scan(const PageRange& mapping) const {
    static std::atomic<bool> is_known_to_fail = false;
    if (is_known_to_fail)
        return std::nullopt;
    std::array<ScanRegion, 512> regions; // NOLINT(cppcoreguidelines-pro-type-member-init): the kernel fills it
    std::vector<PageRange> found;
    ScanArgument argument = {.size = sizeof(ScanArgument),
                             .flags = 0,
                             .start = mapping.start,
                             .end = mapping.end,
                             .walk_end = 0,
                             .regions = reinterpret_cast<std::uint64_t>(regions.data()),
                             .regions_size = regions.size(),
                             .most_pages = 0,
                             .inverted = k_is_zero | k_is_of_file,
                             .all_of = k_is_zero | k_is_of_file,
                             .any_of = k_is_present | k_is_swapped,
                             .returned = k_is_present | k_is_swapped};
    while (argument.start < mapping.end) {
        const int count = ::ioctl(file_.get(), k_scan, &argument);
        if (count < 0) {
            is_known_to_fail = errno == ENOTTY || errno == EINVAL;
            return std::nullopt;
        }
        for (const ScanRegion& region : std::span(regions).first(static_cast<std::size_t>(count)))
            add_to(found, {.start = region.start, .end = region.end});
        argument.start = argument.walk_end;
    }
    return found;
}

std::optional<std::vector<PageRange>> PageTable::dumped(const PageRange& mapping) const {
    if (auto found = scan(mapping))
        return found;
    std::vector<PageRange> found;
    std::vector<PageEntry> entries(k_window);
    for (std::uint64_t address = mapping.start; address < mapping.end;) {
        const std::size_t wanted = std::min<std::size_t>(k_window, (mapping.end - address) / page_size());
        const std::span<PageEntry> window = std::span(entries).first(wanted);
        if (read(address, window) < wanted)
            return std::nullopt;
        for (const PageEntry entry : window) {
            const bool is_zero = entry.is_present() && entry.frame() == zero_frame();
            if ((entry.is_present() || entry.is_swapped()) && !entry.is_of_file() && !entry.is_guard() && !is_zero)
                add_to(found, {.start = address, .end = address + page_size()});
            address += page_size();
        }
    }
    return found;
}

bool kernel_tracks_writes() {
    static const bool k_tracks = [] {
        const OwnPage page;
        page.write();
        return page.entry().is_soft_dirty() && page.entry().frame() != 0;
    }();
    return k_tracks;
}

bool track_writes(pid_t pid) {
    const UniqueFd file(::open(fmt::format("/proc/{}/clear_refs", pid).c_str(), O_WRONLY | O_CLOEXEC));
    return file && ::write(file.get(), "4", 1) == 1;
}

} // namespace cedana
