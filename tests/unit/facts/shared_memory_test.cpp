// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/base/units.hpp"
#include "cedana/facts/facts.hpp"
#include "cedana/facts/shared_memory.hpp"

#include <cstdint>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::Forked;

MappedFile object(const std::string& target, ino_t inode, std::uint64_t bytes) {
    struct ::stat info {};
    info.st_ino = inode;
    info.st_blocks = static_cast<blkcnt_t>(bytes / 512);
    return {.target = target, .info = info};
}

// A process of which nothing but this matters here.
class SharedMemory : public ::testing::Test {
  protected:
    Holdings with(std::vector<MappedFile> mapped) {
        return {.process = look_.tree.root(), .open = {}, .mapped = std::move(mapped)};
    }

    FakeProc proc_;
    Forked child_;
    testing::Look look_{Procfs(), child_.pid()};
};

TEST_F(SharedMemory, OfAllProcessesCountsOnce) {
    const TreeHoldings tree = {with({object("/dev/zero (deleted)", 7, 64 * k_mib)}),
                               with({object("/dev/zero (deleted)", 7, 64 * k_mib)})};
    EXPECT_EQ(shared_memory(tree), 64 * k_mib);
}

TEST_F(SharedMemory, OfEachObjectCounts) {
    const TreeHoldings tree = {
        with({object("/memfd:a (deleted)", 7, k_mib), object("/SYSV00000000 (deleted)", 8, 2 * k_mib)})};
    EXPECT_EQ(shared_memory(tree), 3 * k_mib);
}

TEST_F(SharedMemory, IsNoFileThatWasDeleted) {
    EXPECT_EQ(shared_memory({with({object("/tmp/file (deleted)", 7, k_mib)})}), 0U);
}

TEST_F(SharedMemory, ThatIsOnlyOpenCountsToo) {
    TreeHoldings tree = {with({})};
    const MappedFile file = object("/memfd:a (deleted)", 7, k_mib);
    tree.front().open.push_back({.fd = 3, .target = file.target, .info = file.info});
    EXPECT_EQ(shared_memory(tree), k_mib);
}

TEST_F(SharedMemory, OfHugePagesIsNotAProcessesOwn) {
    proc_.write(child_.pid(), "status", "HugetlbPages:\t    6144 kB\n");
    const Holdings one =
        with({object("/anon_hugepage (deleted)", 7, 4 * k_mib), object("/anon_hugepage (deleted)", 8, 0)});
    EXPECT_EQ(own_huge_pages(proc_.procfs(), one), 2 * k_mib);
}

TEST_F(SharedMemory, WithoutHugePagesNeedsNoLook) {
    EXPECT_EQ(own_huge_pages(proc_.procfs(), with({object("/memfd:a (deleted)", 7, k_mib)})), 0U);
}

// What read_facts() says of a child that does this first and then has two children of its own.
std::uint64_t image_bytes_of_three(const std::function<void()>& set_up) {
    const Forked root([&] {
        set_up();
        for (int i = 0; i < 2; ++i) {
            Pipe ready = make_pipe();
            if (::fork() == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                [[maybe_unused]] const ssize_t sent = ::write(ready.write_end.get(), "r", 1);
                testing::stay();
            }
            char byte = 0;
            [[maybe_unused]] const ssize_t received = ::read(ready.read_end.get(), &byte, 1);
        }
    });
    const Procfs procfs;
    const testing::Look look(procfs, root.pid());
    return read_facts(procfs, look.tree, look.holdings, ::getpid()).image_bytes;
}

char* touched(std::size_t bytes, int flags) {
    auto* memory = static_cast<char*>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0));
    for (std::size_t i = 0; i < bytes; i += 4096)
        memory[i] = 'x';
    return memory;
}

constexpr std::uint64_t k_some = 64 * k_mib;
// What a sanitizer takes and gives back of itself between two looks.
constexpr std::uint64_t k_noise = k_some / 4;

TEST(ImageBytes, CountWhatProcessesShareOnce) {
    const std::uint64_t without = image_bytes_of_three([] {});
    const std::uint64_t with = image_bytes_of_three([] { touched(k_some, MAP_SHARED); });
    EXPECT_GE(with, without + k_some - k_mib);
    // Counted for each it would be three times as much; a sanitizer has an eighth more of what is touched.
    EXPECT_LE(with, without + 2 * k_some);
}

// criu/mem.c: each process's pages are written, whoever else has the same page frame.
TEST(ImageBytes, CountMemoryOfBeforeAForkForEachProcess) {
    const std::uint64_t without = image_bytes_of_three([] {});
    const std::uint64_t with = image_bytes_of_three([] { touched(k_some, MAP_PRIVATE); });
    EXPECT_GE(with, without + 3 * (k_some - k_mib));
    EXPECT_LE(with, without + 4 * k_some);
}

TEST(ImageBytes, CountNoPagesOfAFileThatHasAName) {
    const TempDir folder(std::filesystem::temp_directory_path(), "image-bytes");
    const UniqueFd file = open_file(folder.path() / "file", O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(::posix_fallocate(file.get(), 0, k_some), 0);
    const std::uint64_t without = image_bytes_of_three([] {});
    const std::uint64_t with = image_bytes_of_three([&] {
        testing::must(::mmap(nullptr, k_some, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.get(), 0) !=
                      MAP_FAILED);
    });
    EXPECT_LE(with, without + k_noise);
}

TEST(ImageBytes, CountADeletedFileOnce) {
    const TempDir folder(std::filesystem::temp_directory_path(), "image-bytes");
    const auto path = folder.path() / "file";
    const UniqueFd file = open_file(path, O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(::posix_fallocate(file.get(), 0, k_some), 0);
    const std::uint64_t named = image_bytes_of_three([] {});
    std::filesystem::remove(path);
    const std::uint64_t deleted = image_bytes_of_three([] {});
    EXPECT_GE(deleted, named + k_some - k_noise);
    EXPECT_LE(deleted, named + k_some + k_noise);
}

} // namespace
} // namespace cedana
