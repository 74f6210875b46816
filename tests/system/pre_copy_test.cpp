// SPDX-License-Identifier: Apache-2.0
// Memory that is copied before the tree stands still: what the checkpoint holds is of the moment at which it stood. The
// kernel tells what was written to (CONFIG_MEM_SOFT_DIRTY); where it does not, the memory itself is compared here in
// its place.
#include "cedana/action/dump.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/units.hpp"
#include "cedana/process/memory_areas.hpp"
#include "cedana/process/page_table.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/uio.h>

#include "support/wait.hpp"
#include "system/page_generations.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

std::array<std::byte, 4096> page_of(pid_t pid, std::uint64_t address) {
    std::array<std::byte, 4096> page{};
    const iovec here{.iov_base = page.data(), .iov_len = page.size()};
    const iovec there{.iov_base = reinterpret_cast<void*>(address), // NOLINT(performance-no-int-to-ptr)
                      .iov_len = page.size()};
    EXPECT_EQ(::process_vm_readv(pid, &here, 1, &there, 1, 0), static_cast<ssize_t>(page.size()));
    return page;
}

bool is_the_same(const CopiedPage& page) {
    return std::memcmp(page_of(page.pid, page.address).data(), page.copy, 4096) == 0;
}

WriteTracking comparison() {
    return {.begin = [](pid_t) { return true; }, .is_unchanged = is_the_same};
}

class PreCopied : public System {
  protected:
    [[nodiscard]] DumpResult dump_with(pid_t pid, WriteTracking tracking) const {
        DumpRequest request{.pid = pid, .name = std::nullopt, .folder = store(), .config = {}};
        request.pre_copy = true;
        request.write_tracking = std::move(tracking);
        Progress silent;
        fs::create_directories(store());
        return cedana::dump(request, Interrupt::none(), silent);
    }
    // By the kernel if it can.
    [[nodiscard]] DumpResult dump_ahead(pid_t pid) const {
        return dump_with(pid, kernel_tracks_writes() ? kernel_write_tracking() : comparison());
    }
    void begin_moves() {
        target_.emplace(std::vector<std::string>{target_program("moves"), "16", round_, wrong_});
        wait_for_file(round_);
    }
    [[nodiscard]] pid_t pid() const { return target_->pid(); }
    // Ends it, and lets it go on from the checkpoint.
    void expect_to_go_on(const fs::path& checkpoint) {
        const pid_t pid = target_->pid();
        target_->end();
        reap_all();
        restore_as(pid, checkpoint);
        const Orphan restored(pid);
        for (int i = 0; i < 10; ++i) {
            fs::remove(round_);
            wait_for_file(round_);
        }
        EXPECT_FALSE(fs::exists(wrong_));
    }

  private:
    fs::path round_ = scratch("round");
    fs::path wrong_ = scratch("wrong");
    std::optional<Target> target_;
};

PageRange stack_of(pid_t pid) {
    const std::string maps = read_file(fmt::format("/proc/{}/maps", pid));
    const auto areas = parse_areas(maps);
    const auto stack = std::ranges::find(areas, "[stack]", &MemoryArea::name);
    return stack == areas.end() ? PageRange() : PageRange{.start = stack->start, .end = stack->end};
}

// One that it has never used.
void touch_page_of(const PageRange& range, pid_t pid) {
    std::vector<PageEntry> entries((range.end - range.start) / page_size());
    ASSERT_EQ(PageTable::open(pid)->read(range.start, entries), entries.size());
    const auto untouched = std::ranges::find_if(entries, [](const PageEntry& page) { return !page.is_present(); });
    ASSERT_NE(untouched, entries.end());
    const std::uint64_t address = range.start + static_cast<std::uint64_t>(untouched - entries.begin()) * page_size();
    std::byte zero{};
    const iovec here{.iov_base = &zero, .iov_len = 1};
    const iovec there{.iov_base = reinterpret_cast<void*>(address), // NOLINT(performance-no-int-to-ptr)
                      .iov_len = 1};
    EXPECT_EQ(::process_vm_writev(pid, &here, 1, &there, 1, 0), 1);
}

TEST_F(PreCopied, MemoryOfAWriterAtFullSpeedIsOfOneMoment) {
    constexpr std::size_t k_kib = 48UL * 1024;
    const fs::path ready = scratch("ready");
    const Target target({target_program("generations"), std::to_string(k_kib), ready});
    wait_for_file(ready);
    for (int i = 0; i < 3; ++i) {
        const DumpResult dumped = dump_ahead(target.pid());
        const auto generations = page_generations(dumped.checkpoint, k_kib / 4);
        EXPECT_EQ(std::ranges::count(generations, 0U), 0) << "pages that are not in the checkpoint";
        EXPECT_EQ(torn_pages(generations), 0U);
        fs::remove(dumped.checkpoint);
    }
}

TEST_F(PreCopied, MemoryThatIsMovedAboutComesBackWhereItWas) {
    begin_moves();
    expect_to_go_on(dump_ahead(pid()).checkpoint);
}

TEST_F(PreCopied, MostIsNotReadOnceMore) {
    begin_moves();
    ASSERT_EQ(::kill(pid(), SIGSTOP), 0);
    const DumpResult dumped = dump_ahead(pid());
    EXPECT_GT(dumped.bytes_copied_ahead, 30 * k_mib);
    ASSERT_EQ(::kill(pid(), SIGCONT), 0);
}

// A page comes that /proc did not tell of when it was looked at: of the stack, which CRIU has not looked at yet, since
// it waits until the pages before it are taken.
TEST_F(PreCopied, PagesThatDoNotFitAreReadOnceMore) {
    const fs::path ready = scratch("ready");
    Target target({target_program("generations"), "32768", ready});
    wait_for_file(ready);
    const pid_t pid = target.pid();
    const PageRange stack = stack_of(pid);
    bool is_touched = false;
    WriteTracking tracking = comparison();
    tracking.is_unchanged = [&](const CopiedPage& page) {
        if (page.address >= stack.start && !std::exchange(is_touched, true))
            touch_page_of(stack, page.pid);
        return is_the_same(page);
    };
    const DumpResult dumped = dump_with(pid, tracking);
    EXPECT_TRUE(is_touched);
    EXPECT_EQ(dumped.bytes_copied_ahead, 0U);
    target.end();
    restore_as(pid, dumped.checkpoint);
    const Orphan restored(pid);
}

TEST_F(PreCopied, IsRefusedWhereTheKernelDoesNotTell) {
    if (kernel_tracks_writes())
        GTEST_SKIP() << "this kernel tells";
    const Target target({target_program("counter"), scratch("log"), "1"});
    const CedanaRun refused = dump(target.pid(), {"--pre-copy"});
    EXPECT_EQ(refused.exit_code, 5) << refused.err;
    EXPECT_NE(refused.err.find("CONFIG_MEM_SOFT_DIRTY"), std::string::npos) << refused.err;
}

} // namespace
} // namespace cedana::testing
