// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/zip_end.hpp"

#include <gtest/gtest.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {
namespace {

constexpr std::size_t k_header = 46;

std::uint64_t told_of(const std::string& content) {
    const Place place;
    put_file(place.path(), content);
    return directory_bytes(place.path());
}

std::string number(std::uint64_t value, std::size_t width) {
    std::string bytes;
    for (std::size_t i = 0; i < width; ++i)
        bytes += static_cast<char>(value >> (8 * i));
    return bytes;
}

std::string end_record(std::uint64_t size, std::uint64_t offset) {
    return "PK\x05\x06" + std::string(8, '\0') + number(size, 4) + number(offset, 4) + std::string(2, '\0');
}

// An archive as one of more than 65,535 entries ends, whose directory begins at 0.
std::string large_archive(std::uint64_t size) {
    const std::string directory = "PK\x01\x02" + std::string(size - 4, 'd');
    return directory + "PK\x06\x06" + std::string(36, '\0') + number(size, 8) + number(0, 8) + "PK\x06\x07" +
           std::string(4, '\0') + number(size, 8) + std::string(4, '\0') + end_record(0xFFFFFFFF, 0xFFFFFFFF);
}

TEST(DirectoryBytes, OfAnArchiveAreThoseOfItsHeadersAndNames) {
    EXPECT_EQ(told_of(hand_made_zip({{.name = "a"}, {.name = "bcd"}})), 2 * k_header + 4);
}

TEST(DirectoryBytes, OfAnArchiveThatZipWriterWroteAreThoseToo) {
    const Place place;
    NewZip zip(place.path());
    zip.write("a", "content", Method::store);
    EXPECT_EQ(directory_bytes(place.path()), k_header + 1);
}

TEST(DirectoryBytes, OfALargeArchiveAreInItsOtherEnd) { EXPECT_EQ(told_of(large_archive(5000)), 5000U); }

TEST(DirectoryBytes, OfSeveralEndsAreAddedUp) {
    const std::string archive = hand_made_zip({{.name = "a"}});
    EXPECT_EQ(told_of(archive + archive.substr(archive.size() - 22)), 2 * (k_header + 1));
}

TEST(DirectoryBytes, OfWhatIsNoArchiveAreNone) {
    EXPECT_EQ(told_of(""), 0U);
    EXPECT_EQ(told_of("PK\x05\x06"), 0U);
    EXPECT_EQ(told_of("no directory" + end_record(12, 0)), 0U);
    EXPECT_EQ(told_of("PK\x01\x02" + end_record(1000, 0)), 0U);
}

} // namespace
} // namespace cedana::testing
