// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/memory_map.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;
using testing::image;

// criu/include/magic.h
constexpr std::uint32_t k_mm = 0x57492820;
constexpr std::uint32_t k_core = 0x55053847;
constexpr std::uint32_t k_files_image = 0x56303138;

std::string mapping(std::uint64_t start, std::uint64_t object, std::uint64_t flags, std::uint64_t status) {
    return field(14, field(1, start) + field(2, start + 0x2000) + field(3, 0x3000) + field(4, object) +
                         field(5, PROT_READ | PROT_EXEC) + field(6, flags) + field(7, status));
}

template <typename Parse>
Fault fault_of_parsing(Parse parse) {
    try {
        static_cast<void>(parse());
    } catch (const Error& error) {
        return error.fault();
    }
    return Fault::usage;
}

// The bits of the status are VMA_* of criu/include/image.h; what is mapped has VMA_AREA_REGULAR (1) too.
TEST(MemoryMap, TellsWhatIsMapped) {
    const auto found = parse_mappings(image(
        k_mm, {field(1, 1) + mapping(0x70000, 7, MAP_PRIVATE, 1 | 1 << 6) +
               mapping(0x10000, 0, MAP_PRIVATE, 1 | 1 << 9) + mapping(0x20000, 0, MAP_PRIVATE, 1 | 1 << 5 | 1 << 9) +
               mapping(0x30000, 9, MAP_SHARED, 1 | 1 << 8) + mapping(0x40000, 0, MAP_PRIVATE, 1 | 1 << 3 | 1 << 9)}));
    ASSERT_EQ(found.size(), 5U);
    EXPECT_EQ(found[0].kind, MappingKind::anonymous);
    EXPECT_EQ(found[0].start, 0x10000U);
    EXPECT_EQ(found[0].end, 0x12000U);
    EXPECT_EQ(found[0].object, std::nullopt);
    EXPECT_EQ(found[1].kind, MappingKind::heap);
    EXPECT_EQ(found[2].kind, MappingKind::shared);
    EXPECT_TRUE(found[2].is_shared);
    EXPECT_EQ(found[2].object, 9U);
    EXPECT_EQ(found[3].kind, MappingKind::vdso);
    EXPECT_EQ(found[4].kind, MappingKind::file);
    EXPECT_FALSE(found[4].is_shared);
    EXPECT_EQ(found[4].object, 7U);
    EXPECT_EQ(found[4].offset, 0x3000U);
    EXPECT_EQ(found[4].protection, static_cast<unsigned>(PROT_READ | PROT_EXEC));
}

TEST(MemoryMap, KnowsTheStackOfTheFirstThreadByItsGrowing) {
    const auto found = parse_mappings(image(k_mm, {mapping(0x10000, 0, MAP_PRIVATE | MAP_GROWSDOWN, 1 | 1 << 9) +
                                                   mapping(0x20000, 0, MAP_PRIVATE, 1 << 2)}));
    EXPECT_EQ(found.at(0).kind, MappingKind::stack);
    EXPECT_EQ(found.at(1).kind, MappingKind::vsyscall);
}

TEST(MemoryMap, ThatEndsBeforeItBeginsIsRefused) {
    const std::string backwards = field(14, field(1, 0x2000) + field(2, 0x1000));
    EXPECT_EQ(fault_of_parsing([&] { return parse_mappings(image(k_mm, {backwards})); }), Fault::checkpoint);
}

TEST(MemoryMap, ThatReachesBehindTheEndOfEveryFileIsRefused) {
    const std::string far = field(14, field(1, 0x1000) + field(2, 0x3000) + field(3, ~std::uint64_t{0} - 0xfff));
    EXPECT_EQ(fault_of_parsing([&] { return parse_mappings(image(k_mm, {far})); }), Fault::checkpoint);
}

TEST(MemoryMap, ThatWasCutShortIsRefused) {
    const std::string whole = image(k_mm, {mapping(0x1000, 0, MAP_PRIVATE, 1 | 1 << 9)});
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_EQ(fault_of_parsing([&] { return parse_mappings(whole.substr(0, length)); }), Fault::checkpoint)
            << length;
}

TEST(MemoryMap, HasTheRegistersOfAThreadByTheirNames) {
    std::string registers;
    for (unsigned i = 1; i <= 27; ++i)
        registers += field(i, 1000 + i);
    const ThreadState thread =
        parse_thread(image(k_core, {field(1, 1) + field(2, field(1, 0) + field(2, registers)) +
                                    field(3, field(6, "main")) + field(5, field(13, "worker"))}));
    EXPECT_EQ(thread.comm, "worker");
    ASSERT_EQ(thread.registers.size(), 27U);
    EXPECT_EQ(thread.registers.front(), (std::pair<std::string, std::uint64_t>("r15", 1001)));
    EXPECT_EQ(thread.registers.back(), (std::pair<std::string, std::uint64_t>("gs", 1027)));
    EXPECT_EQ(thread.instruction, 1017U);
    EXPECT_EQ(thread.stack, 1020U);
}

TEST(MemoryMap, HasTheRegistersOfAnAarch64Thread) {
    std::string registers;
    for (unsigned i = 0; i < 31; ++i)
        registers += field(1, 500 + i);
    registers += field(2, 9000) + field(3, 8000) + field(4, 7);
    const ThreadState thread = parse_thread(
        image(k_core, {field(1, 3) + field(3, field(6, "main")) + field(8, field(1, 0) + field(3, registers))}));
    EXPECT_EQ(thread.comm, "main");
    ASSERT_EQ(thread.registers.size(), 34U);
    EXPECT_EQ(thread.registers[30], (std::pair<std::string, std::uint64_t>("x30", 530)));
    EXPECT_EQ(thread.instruction, 8000U);
    EXPECT_EQ(thread.stack, 9000U);
}

TEST(MemoryMap, OfAnotherProcessorHasNoRegisters) {
    const ThreadState thread =
        parse_thread(image(k_core, {field(1, 5) + field(10, field(1, 0)) + field(3, field(6, "main"))}));
    EXPECT_TRUE(thread.registers.empty());
    EXPECT_EQ(thread.instruction, std::nullopt);
}

TEST(MemoryMap, KnowsTheNamesOfRegularFiles) {
    const auto names = parse_file_names(
        image(k_files_image, {field(1, 1) + field(2, 7) + field(3, field(1, 7) + field(6, "/usr/bin/redis")),
                              field(1, 2) + field(2, 8)}));
    EXPECT_EQ(names, (std::map<std::uint64_t, std::string>{{7, "/usr/bin/redis"}}));
}

TEST(MemoryMap, OfAnImageOfAnotherKindIsRefused) {
    EXPECT_EQ(fault_of_parsing([] { return parse_mappings(image(k_core, {field(1, 1)})); }), Fault::checkpoint);
    EXPECT_EQ(fault_of_parsing([] { return parse_thread(image(k_mm, {field(1, 1)})); }), Fault::checkpoint);
    EXPECT_EQ(fault_of_parsing([] { return parse_file_names(image(k_mm, {field(1, 1)})); }), Fault::checkpoint);
}

} // namespace
} // namespace cedana::criu
