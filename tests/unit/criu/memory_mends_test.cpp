// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"
#include "cedana/criu/image_mends.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sys/mman.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;
using testing::image;
namespace magic = testing::magic;

// criu/include/image.h
constexpr std::uint64_t k_regular = 1;
constexpr std::uint64_t k_of_file = 1 << 6;
constexpr std::uint64_t k_of_shared_file = 1 << 7;
constexpr std::uint64_t k_anonymous = 1 << 9;
constexpr std::uint64_t k_memfd = 1 << 14;
constexpr std::uint64_t k_not_writable = 1 << 29;

constexpr std::uint64_t k_GiB = std::uint64_t{1} << 30;
constexpr std::uint64_t k_TiB = std::uint64_t{1} << 40;

struct Mapped {
    std::uint64_t start = 0x7f0000000000;
    std::uint64_t end = 0x7f0000000000 + 8 * k_GiB;
    std::uint64_t offset = 0;
    std::uint64_t protection = PROT_NONE;
    std::uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS;
    std::uint64_t status = k_regular | k_anonymous;
    bool operator==(const Mapped&) const = default;
};

// A vma_entry as CRIU 4.2.1 writes it, in its place in an mm_entry.
std::string message_of(const Mapped& mapped) {
    return field(1, mapped.start) + field(2, mapped.end) + field(3, mapped.offset) + field(4, 2) +
           field(5, mapped.protection) + field(6, mapped.flags) + field(7, mapped.status) +
           field(8, 1) /* sint64 -1 */ + field(9, 1U << 16U);
}

std::string mm_of_mapped(const std::vector<Mapped>& all) {
    std::string message = field(1, 0x400000) + field(12, 3) + field(13, 33);
    for (const Mapped& one : all)
        message += field(14, message_of(one));
    return image(magic::mm, {message + field(15, 1)});
}

MendedImage left_alone(const std::vector<Mapped>& all, const std::vector<PageRun>& runs = {}) {
    return with_empty_mappings_left_alone(mm_of_mapped(all), {.pages_id = 1, .runs = runs});
}

Mapped with_status(Mapped mapped, std::uint64_t status) {
    mapped.status = status;
    return mapped;
}

TEST(EmptyMapping, ThatIsAReservationIsMappedAsItWas) {
    EXPECT_EQ(left_alone({{}}), mm_of_mapped({with_status({}, k_regular | k_not_writable)}));
}

TEST(EmptyMapping, OfAFileKeepsTheFile) {
    const Mapped text{
        .offset = 4096, .protection = PROT_READ | PROT_EXEC, .flags = MAP_PRIVATE, .status = k_regular | k_of_file};
    EXPECT_EQ(left_alone({text}), mm_of_mapped({with_status(text, k_regular | k_of_shared_file | k_not_writable)}));
    EXPECT_EQ(left_alone({with_status(text, k_regular | k_of_file | k_memfd)}),
              mm_of_mapped({with_status(text, k_regular | k_of_shared_file | k_memfd | k_not_writable)}));
}

TEST(EmptyMapping, BesideOneWithPagesIsFound) {
    const Mapped before{.end = 0x7f0000001000};
    const Mapped between{.start = 0x7f0000001000, .end = 0x7f0000003000, .protection = PROT_READ};
    const Mapped after{.start = 0x7f0000003000};
    const std::vector<PageRun> runs{{.address = 0x7f0000001000, .pages = 2}};
    EXPECT_EQ(left_alone({before, between, after}, runs),
              mm_of_mapped({with_status(before, k_regular | k_not_writable), between,
                            with_status(after, k_regular | k_not_writable)}));
}

TEST(EmptyMapping, IsNoneThatHoldsPagesOrCanBeWrittenTo) {
    EXPECT_FALSE(left_alone({{.protection = PROT_READ | PROT_WRITE}}));
    EXPECT_FALSE(left_alone({{}}, {{.address = 0x7f0000000000, .pages = 1}}));
    EXPECT_FALSE(left_alone({{}}, {{.address = 0x7f0000000000 + 8 * k_GiB - 4096, .pages = 1}}));
    EXPECT_TRUE(left_alone({{}}, {{.address = 0x7f0000000000 + 8 * k_GiB, .pages = 1}}));
}

// VDSO, vvar, a shared file, an AIO ring, a guard; huge pages, a stack, locked memory.
TEST(EmptyMapping, OfAKindOfItsOwnIsLeftToCriu) {
    for (const std::uint64_t status : {521U, 4609U, 129U, 1U | 1U << 13U, 1U << 16U, 1U | 1U << 8U})
        EXPECT_FALSE(left_alone({with_status({}, status)})) << status;
    for (const int flag : {MAP_HUGETLB, MAP_GROWSDOWN, MAP_LOCKED})
        EXPECT_FALSE(left_alone({{.flags = static_cast<std::uint64_t>(MAP_PRIVATE | MAP_ANONYMOUS | flag)}})) << flag;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> parts_of(const MendedImage& mm) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> parts;
    for (auto all = fields_of<MmEntry>(ImageReader(*mm, ImageKind::mm).next()); all.next(MmEntry::vmas);) {
        const auto vma = message_of<VmaEntry>(all);
        parts.emplace_back(number_in(vma, VmaEntry::start, 0), number_in(vma, VmaEntry::end, 0));
    }
    return parts;
}

TEST(LongMapping, ComesInPartsThatCriuCanCount) {
    const std::uint64_t end = 0x1000 + 9000 * k_GiB;
    const Mapped shadow{.start = 0x1000,
                        .end = end,
                        .protection = PROT_READ | PROT_WRITE,
                        .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE};
    const auto parts = parts_of(with_long_mappings_in_parts(mm_of_mapped({shadow}), 24 * k_GiB));
    EXPECT_EQ(parts,
              (std::vector<std::pair<std::uint64_t, std::uint64_t>>{
                  {0x1000, 0x1000 + 4 * k_TiB}, {0x1000 + 4 * k_TiB, 0x1000 + 8 * k_TiB}, {0x1000 + 8 * k_TiB, end}}));
}

TEST(LongMapping, OfAFileKeepsItsPlaceInTheFile) {
    const Mapped file{.start = 0,
                      .end = 5 * k_TiB,
                      .offset = 4096,
                      .flags = MAP_PRIVATE | MAP_NORESERVE,
                      .status = k_regular | k_of_file};
    Mapped first = file;
    first.end = 4 * k_TiB;
    Mapped second = file;
    second.start = 4 * k_TiB;
    second.offset = 4096 + 4 * k_TiB;
    EXPECT_EQ(with_long_mappings_in_parts(mm_of_mapped({file}), k_GiB), mm_of_mapped({first, second}));
}

TEST(LongMapping, ThatTheKernelWouldNotGrantAtOnceComesInParts) {
    const Mapped grown{.start = 0, .end = 5 * k_GiB, .protection = PROT_READ | PROT_WRITE};
    const auto parts = parts_of(with_long_mappings_in_parts(mm_of_mapped({grown}), 2 * k_GiB + 4096));
    EXPECT_EQ(parts, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{
                         {0, 2 * k_GiB}, {2 * k_GiB, 4 * k_GiB}, {4 * k_GiB, 5 * k_GiB}}));
}

TEST(LongMapping, IsNoneThatIsGranted) {
    const Mapped writable{.start = 0, .end = 2 * k_GiB + 4096, .protection = PROT_READ | PROT_WRITE};
    EXPECT_FALSE(with_long_mappings_in_parts(mm_of_mapped({writable}), 2 * k_GiB + 4096));
    EXPECT_FALSE(with_long_mappings_in_parts(
        mm_of_mapped({{.start = 0, .end = 4 * k_TiB, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE}}), k_GiB));
    EXPECT_FALSE(
        with_long_mappings_in_parts(mm_of_mapped({{.flags = MAP_SHARED, .status = k_regular | k_of_shared_file}}), 0));
}

TEST(MendedMemory, OfADamagedImageIsRefused) {
    const std::string mm = mm_of_mapped({{}});
    for (std::size_t length = 9; length < mm.size(); ++length)
        EXPECT_THROW(static_cast<void>(with_empty_mappings_left_alone(mm.substr(0, length), {})), Error) << length;
    EXPECT_THROW(static_cast<void>(with_long_mappings_in_parts(mm_of_mapped({{.start = 5, .end = 5}}), k_GiB)), Error);
}

// Locked memory with pages at its begin, at 64 KiB and at its end.
constexpr std::uint64_t k_locked_start = 0x7f0000000000;
Mapped locked_memory_of(std::uint64_t bytes) {
    return {.start = k_locked_start,
            .end = k_locked_start + bytes,
            .protection = PROT_READ | PROT_WRITE,
            .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED};
}

Mapped part(Mapped mapped, std::uint64_t from, std::uint64_t to, std::uint64_t flags) {
    mapped.start = k_locked_start + from;
    mapped.end = k_locked_start + to;
    mapped.flags = flags;
    return mapped;
}

MendedImage locked_again(const Mapped& mapped, const std::vector<PageRun>& runs,
                         const std::vector<AddressRange>& ranges = {{.start = 0x1000, .end = 0x7fffffffffff}}) {
    return with_locks_on_fault(mm_of_mapped({mapped}), {.pages_id = 1, .runs = runs}, ranges);
}

TEST(LockOnFault, IsOfWhatWasTouchedAlone) {
    const Mapped all = locked_memory_of(256UL * 1024);
    const std::uint64_t without = all.flags & ~std::uint64_t{MAP_LOCKED};
    EXPECT_EQ(locked_again(all, {{.address = k_locked_start + 0x10000, .pages = 2}}),
              mm_of_mapped({part(all, 0, 0x10000, without), part(all, 0x10000, 0x12000, all.flags),
                            part(all, 0x12000, 0x40000, without)}));
    EXPECT_EQ(locked_again(all, {}), mm_of_mapped({part(all, 0, 0x40000, without)}));
    EXPECT_EQ(locked_again(all, {{.address = k_locked_start - 0x1000, .pages = 100}}), mm_of_mapped({all}));
}

TEST(LockOnFault, OfAFileKeepsItsPlaceInTheFile) {
    Mapped file = locked_memory_of(0x3000);
    file.flags = MAP_PRIVATE | MAP_LOCKED;
    file.status = k_regular | k_of_file;
    file.offset = 0x5000;
    Mapped held = part(file, 0x1000, 0x2000, file.flags);
    held.offset = 0x6000;
    Mapped after = part(file, 0x2000, 0x3000, MAP_PRIVATE);
    after.offset = 0x7000;
    EXPECT_EQ(locked_again(file, {{.address = k_locked_start + 0x1000, .pages = 1}}),
              mm_of_mapped({part(file, 0, 0x1000, MAP_PRIVATE), held, after}));
}

TEST(LockOnFault, OfSharedMemoryIsLost) {
    Mapped shared = locked_memory_of(0x3000);
    shared.flags = MAP_SHARED | MAP_LOCKED;
    shared.status = k_regular | k_of_shared_file;
    EXPECT_EQ(locked_again(shared, {}), mm_of_mapped({part(shared, 0, 0x3000, MAP_SHARED)}));
}

TEST(LockOnFault, OfOtherMemoryIsLeftAlone) {
    const Mapped all = locked_memory_of(0x3000);
    EXPECT_EQ(locked_again(all, {}, {{.start = 0x1000, .end = k_locked_start + 0x1000}}), std::nullopt);
    Mapped unlocked = all;
    unlocked.flags = MAP_PRIVATE | MAP_ANONYMOUS;
    EXPECT_EQ(locked_again(unlocked, {}), std::nullopt);
    Mapped stack = all;
    stack.flags |= MAP_GROWSDOWN;
    EXPECT_EQ(locked_again(stack, {}), std::nullopt);
}

TEST(LockOnFault, OfScatteredPagesMakesFewMappings) {
    std::vector<PageRun> runs;
    for (std::uint64_t i = 0; i < 10000; ++i)
        runs.push_back({.address = k_locked_start + i * 0x2000, .pages = 1});
    const auto mended = locked_again(locked_memory_of(10000 * 0x2000UL), runs);
    ASSERT_TRUE(mended);
    EXPECT_LT(mended->size(), 100U * 1000);
}

} // namespace
} // namespace cedana::criu
