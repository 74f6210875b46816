// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"
#include "cedana/criu/pagemap.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using namespace std::string_literals;
using testing::field;
using testing::varint;

// Of the wire types of protobuf: 1 eight bytes, 3 the start of a group, 5 four bytes.
std::string raw(unsigned key, unsigned type, const std::string& bytes) { return varint(key * 8 + type) + bytes; }

std::uint64_t address_in(const std::string& message) {
    return parse_image([&] { return number_in(fields_of<PagemapEntry>(message), PagemapEntry::vaddr, 7); });
}

Fault fault_of_message(const std::string& message) {
    try {
        static_cast<void>(address_in(message));
    } catch (const Error& error) {
        return error.fault();
    }
    return Fault::usage;
}

TEST(ImageFields, AreFoundByTheirNames) { EXPECT_EQ(address_in(field(9, 3) + field(1, 0x4000)), 0x4000U); }

TEST(ImageFields, ThatOccurTwiceCountAsTheyStandLast) { EXPECT_EQ(address_in(field(1, 1) + field(1, 2)), 2U); }

TEST(ImageFields, ThatAreMissingHaveTheValueOfTheReader) {
    EXPECT_EQ(address_in(""), 7U);
    EXPECT_EQ(address_in(field(9, "text")), 7U);
}

TEST(ImageFields, MayBeOfAFixedSize) {
    EXPECT_EQ(address_in(raw(1, 1, "\x01\0\0\0\0\0\0\x80"s)), 0x8000000000000001U);
    EXPECT_EQ(address_in(raw(1, 5, "\x01\0\0\x80"s)), 0x80000001U);
}

TEST(ImageFields, OfAnotherTypeThanTheirNameSaysAreRefused) {
    EXPECT_EQ(fault_of_message(field(1, "text")), Fault::checkpoint);
    const std::string message = field(1, 3);
    const auto read = [&] {
        return parse_image([&] { return bytes_in(fields_of<StreamerRequest>(message), StreamerRequest::filename); });
    };
    EXPECT_THROW(static_cast<void>(read()), Error);
}

TEST(ImageFields, ThatAreNoneAreRefused) {
    for (const std::string& message :
         {raw(0, 0, "\x01"), raw(1, 3, ""), raw(1, 7, ""), "\x08"s, std::string(20, '\xff'),
          raw(9, 2, varint(5) + "four"), raw(9, 2, varint(0xFFFFFFFF)), raw(9, 1, "seven.."),
          "\x08"s + std::string(11, '\x80') + "\x01"})
        EXPECT_EQ(fault_of_message(message), Fault::checkpoint) << ::testing::PrintToString(message);
}

TEST(ChangedMessage, KeepsWhatIsNotChangedByteForByte) {
    // A number that is longer than it need be, and fields that nobody knows.
    const std::string before = "\x48\x81\x80\x00"s + field(77, "unknown") + raw(78, 5, "four");
    const std::string after = raw(79, 1, "eight...") + field(5, 6);
    const std::string changed = changed_message<PagemapEntry>(
        before + field(1, 1) + after, [](protozero::pbf_message<PagemapEntry> entry, auto& out) {
            if (entry.tag() != PagemapEntry::vaddr)
                return false;
            out.add_uint64(PagemapEntry::vaddr, number_of(entry) + 300);
            return true;
        });
    EXPECT_EQ(changed, before + field(1, 301) + after);
}

TEST(ChangedMessage, MayLoseAField) {
    const std::string changed =
        changed_message<PagemapEntry>(field(1, 1) + field(2, 2) + field(1, 3),
                                      [](const auto& entry, auto&) { return entry.tag() == PagemapEntry::vaddr; });
    EXPECT_EQ(changed, field(2, 2));
}

TEST(ChangedMessage, MayHaveAnotherMessageInItThatIsChanged) {
    const std::string changed = changed_message<MmEntry>(
        field(1, 5) + field(14, field(1, 1) + field(20, "kept")), [](protozero::pbf_message<MmEntry> mm, auto& out) {
            if (mm.tag() != MmEntry::vmas)
                return false;
            out.add_message(MmEntry::vmas, changed_message<VmaEntry>(bytes_of(mm), [](const auto& vma, auto& into) {
                                if (vma.tag() != VmaEntry::start)
                                    return false;
                                into.add_uint64(VmaEntry::start, 2);
                                return true;
                            }));
            return true;
        });
    EXPECT_EQ(changed, field(1, 5) + field(14, field(1, 2) + field(20, "kept")));
}

TEST(ChangedMessage, OfAPagemapIsReadAsItWasWritten) {
    ImageWriter writer(ImageKind::pagemap);
    std::string head;
    protozero::pbf_builder<PagemapHead>(head).add_uint32(PagemapHead::pages_id, 3);
    writer.add(head);
    std::string entry;
    protozero::pbf_builder<PagemapEntry> fields(entry);
    fields.add_uint64(PagemapEntry::vaddr, 0x400000);
    fields.add_uint32(PagemapEntry::compat_nr_pages, 0);
    fields.add_uint32(PagemapEntry::flags, 6);
    fields.add_uint64(PagemapEntry::nr_pages, 1000);
    writer.add(entry);
    const Pagemap map = parse_pagemap(writer.bytes());
    EXPECT_EQ(map.pages_id, 3U);
    EXPECT_EQ(map.runs, (std::vector<PageRun>{{.address = 0x400000, .pages = 1000, .first = 0, .lazy = true}}));
}

} // namespace
} // namespace cedana::criu
