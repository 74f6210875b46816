// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/checksums.hpp"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {

namespace fs = std::filesystem;

namespace {

fs::path archive_of(const Place& place, const std::vector<HandMadeEntry>& entries) {
    put_file(place.path(), hand_made_zip(entries));
    return place.path();
}

Outcome outcome_of_opening(const std::vector<HandMadeEntry>& entries) {
    const Place place;
    const fs::path path = archive_of(place, entries);
    return outcome_of([&] { const ZipReader zip(path); });
}

Outcome outcome_of_reading(const HandMadeEntry& entry, std::size_t limit = 1000) {
    const Place place;
    const ZipReader zip(archive_of(place, {entry}));
    return outcome_of([&] { static_cast<void>(zip.read(entry.name, limit)); });
}

bool says(const Outcome& outcome, std::string_view words) { return outcome.message.find(words) != std::string::npos; }

struct Hostile {
    std::string what;
    std::vector<HandMadeEntry> entries;
    std::string words;
};

std::vector<Hostile> refused_at_once() {
    const auto unix_type = [](mode_t mode) { return static_cast<std::uint32_t>(mode) << 16; };
    return {
        {"AbsoluteName", {{.name = "/etc/shadow"}}, "is absolute"},
        {"NameThatLeadsUp", {{.name = "images/../../a"}}, "leads upwards"},
        {"JustUp", {{.name = ".."}}, "leads upwards"},
        {"Backslash", {{.name = "images\\a"}}, "backslash"},
        {"EmptyName", {{.name = ""}}, "is empty"},
        {"EmptyPart", {{.name = "images//a"}}, "shortest form"},
        {"DotPart", {{.name = "images/./a"}}, "shortest form"},
        {"ControlCharacter", {{.name = "a\033[31mb"}}, "control character"},
        {"LongName", {{.name = std::string(5000, 'a')}}, "too long"},
        {"TwiceTheSame", {{.name = "a"}, {.name = "a"}}, "there twice"},
        {"FolderByName", {{.name = "images/", .data = ""}}, "folder"},
        {"FolderByUnixMode", {{.name = "a", .attributes = unix_type(S_IFDIR | 0700)}}, "not a plain file"},
        {"FolderByDosAttribute", {{.name = "a", .attributes = 0x10}}, "not a plain file"},
        {"SymbolicLink", {{.name = "a", .attributes = unix_type(S_IFLNK | 0777)}}, "not a plain file"},
        {"Device", {{.name = "a", .attributes = unix_type(S_IFBLK | 0600)}}, "not a plain file"},
        {"Encrypted", {{.name = "a", .flags = 1}}, "encrypted"},
        {"UnknownMethod", {{.name = "a", .method = 14}}, "unknown method 14"},
        {"CompressedBeyondTheFile", {{.name = "a", .method = 8, .compressed = 1'000'000}}, "impossible sizes"},
        {"StoredSizesDiffer", {{.name = "a", .size = 5}}, "impossible sizes"},
        {"SharedData",
         {{.name = "a", .data = std::string(600, 'x')},
          {.name = "b", .data = "", .size = 600, .compressed = 600, .local_offset = 0},
          {.name = "c", .data = "", .size = 600, .compressed = 600, .local_offset = 0}},
         "overlap"},
    };
}

std::vector<Hostile> refused_when_opened() {
    return {
        {"OtherLocalName", {{.name = "a", .local_name = "b"}}, "local header"},
        {"LongerLocalName", {{.name = "a", .local_name = "ab"}}, "local header"},
        {"OtherLocalMethod", {{.name = "a", .local_method = 8}}, "local header"},
        {"OtherLocalChecksum", {{.name = "a", .local_crc = 1}}, "local header"},
        {"NoLocalHeader", {{.name = "a", .local_signature = "PKxx"}}, "damaged"},
        {"HeaderBeyondTheFile", {{.name = "a", .local_offset = 100'000}}, "damaged"},
        {"HeaderInTheDirectory", {{.name = "a", .local_offset = 40}}, "damaged"},
        {"DataBeyondTheFile", {{.name = "a", .data = "", .size = 90, .compressed = 90}}, "beyond the end"},
    };
}

const auto k_name_of_case = [](const auto& instance) { return instance.param.what; };

} // namespace

class HostileZip : public ::testing::TestWithParam<Hostile> {};
INSTANTIATE_TEST_SUITE_P(ZipReader, HostileZip, ::testing::ValuesIn(refused_at_once()), k_name_of_case);

TEST_P(HostileZip, IsRefusedAtOnce) {
    const Outcome outcome = outcome_of_opening(GetParam().entries);
    EXPECT_EQ(outcome.fault, Fault::checkpoint);
    EXPECT_TRUE(says(outcome, GetParam().words)) << outcome.message;
}

class HostileEntry : public ::testing::TestWithParam<Hostile> {};
INSTANTIATE_TEST_SUITE_P(ZipReader, HostileEntry, ::testing::ValuesIn(refused_when_opened()), k_name_of_case);

TEST_P(HostileEntry, IsRefusedWhenItIsOpened) {
    const Place place;
    const ZipReader zip(archive_of(place, GetParam().entries));
    const Outcome outcome = outcome_of([&] { static_cast<void>(zip.open_raw(GetParam().entries.front().name)); });
    EXPECT_EQ(outcome.fault, Fault::checkpoint);
    EXPECT_TRUE(says(outcome, GetParam().words)) << outcome.message;
}

TEST(ZipReader, ReadsWhatOthersWrote) {
    const Place place;
    const ZipReader zip(archive_of(place, {{.name = "a b"}, {.name = "files/0", .data = "other"}}));
    ASSERT_EQ(zip.entries().size(), 2U);
    EXPECT_EQ(zip.entries()[1].name, "files/0");
    EXPECT_EQ(zip.entries()[1].size, 5U);
    EXPECT_EQ(zip.read("a b", 1000), "data");
    EXPECT_EQ(zip.read("files/0", 1000), "other");
}

TEST(ZipReader, AMissingFileIsAnErrorWithItsPath) {
    const Outcome outcome = outcome_of([] { const ZipReader zip("/nowhere/a.zip"); });
    EXPECT_TRUE(outcome.fault.has_value());
    EXPECT_TRUE(says(outcome, "/nowhere/a.zip"));
}

TEST(ZipReader, WhatIsNoZipIsRefused) {
    const Place place;
    put_file(place.path("text"), mixed_content(100'000));
    put_file(place.path("empty"), "");
    EXPECT_TRUE(says(outcome_of([&] { const ZipReader zip(place.path("text")); }), "is not a zip archive"));
    EXPECT_TRUE(says(outcome_of([&] { const ZipReader zip(place.path("empty")); }), "not a zip archive"));
    EXPECT_EQ(outcome_of([&] { const ZipReader zip(place.path("empty")); }).fault, Fault::checkpoint);
}

TEST(ZipReader, WhatIsNoFileIsRefused) {
    const Place place;
    ASSERT_EQ(::mkfifo(place.path("fifo").c_str(), 0600), 0);
    EXPECT_TRUE(says(outcome_of([&] { const ZipReader zip(place.path("fifo")); }), "not a regular file"));
    EXPECT_TRUE(says(outcome_of([&] { const ZipReader zip(place.path("fifo").parent_path()); }), "not a regular file"));
}

TEST(ZipReader, EveryTruncatedArchiveIsRefused) {
    const Place place;
    const std::string whole = hand_made_zip({{.name = "a"}, {.name = "b"}});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        put_file(place.path(), whole.substr(0, size));
        EXPECT_EQ(outcome_of([&] { const ZipReader zip(place.path()); }).fault, Fault::checkpoint) << size;
    }
}

TEST(ZipReader, NoChangedByteDoesMoreThanAnError) {
    const Place place;
    const std::string whole = hand_made_zip({{.name = "a"}, {.name = "b"}});
    for (std::size_t i = 0; i < whole.size(); ++i) {
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ 0xff);
        put_file(place.path(), changed);
        EXPECT_NO_FATAL_FAILURE(static_cast<void>(outcome_of([&] {
            const ZipReader zip(place.path());
            for (const EntryInfo& entry : zip.entries())
                static_cast<void>(zip.read(entry.name, 1000));
        })));
    }
}

TEST(ZipReader, AMissingEntryIsRefused) {
    const Place place;
    const ZipReader zip(archive_of(place, {{.name = "a"}}));
    EXPECT_EQ(zip.find("b"), nullptr);
    EXPECT_EQ(outcome_of([&] { static_cast<void>(zip.open_raw("b")); }).fault, Fault::checkpoint);
    EXPECT_TRUE(says(outcome_of([&] { static_cast<void>(zip.read("b", 10)); }), "has no entry 'b'"));
}

TEST(ZipReader, AnEntryBeyondTheLimitIsRefused) {
    EXPECT_EQ(outcome_of_reading({.name = "a"}, 4).fault, std::nullopt);
    EXPECT_EQ(outcome_of_reading({.name = "a"}, 3).fault, Fault::checkpoint);
}

TEST(ZipReader, AnEntryThatGivesMoreThanItSaysIsRefused) {
    const auto bomb = FrameEncoder(Method::zstd, 1).encode(bytes(std::string(k_frame_size, '\0')), Position::last);
    const auto entry = HandMadeEntry{.name = "a", .data = text_of(bomb), .method = 93, .size = 100};
    EXPECT_EQ(outcome_of_reading(entry).fault, Fault::checkpoint);
}

TEST(ZipReader, AnEntryThatGivesLessThanItSaysIsRefused) {
    const auto deflated = FrameEncoder(Method::deflate, 1).encode(bytes("abc"), Position::last);
    const auto entry = HandMadeEntry{.name = "a", .data = text_of(deflated), .method = 8, .size = 100};
    EXPECT_EQ(outcome_of_reading(entry).fault, Fault::checkpoint);
}

TEST(ZipReader, AnEntryOfALotOfDataForLittleIsRefused) {
    const auto entry = HandMadeEntry{.name = "a", .data = std::string(100'000, 'x'), .method = 8, .size = 1};
    EXPECT_EQ(outcome_of_reading(entry).fault, Fault::checkpoint);
}

TEST(ZipReader, AWrongChecksumIsRefused) {
    const Outcome outcome = outcome_of_reading({.name = "a", .crc = 1});
    EXPECT_EQ(outcome.fault, Fault::checkpoint);
    EXPECT_TRUE(says(outcome, "checksum")) << outcome.message;
}

TEST(ZipReader, RawDataIsReadAtAnyOffset) {
    const Place place;
    const ZipReader zip(archive_of(place, {{.name = "first"}, {.name = "a", .data = "0123456789"}}));
    const RawEntry entry = zip.open_raw("a");
    std::string part(3, '\0');
    entry.read(4, std::as_writable_bytes(std::span(part)));
    EXPECT_EQ(part, "456");
    entry.read(7, std::as_writable_bytes(std::span(part)));
    EXPECT_EQ(part, "789");
    entry.read(10, {});
}

TEST(ZipReader, RawDataEndsWithTheEntry) {
    const Place place;
    const ZipReader zip(archive_of(place, {{.name = "a", .data = "0123456789"}, {.name = "next"}}));
    const RawEntry entry = zip.open_raw("a");
    std::string part(3, '\0');
    const auto room = std::as_writable_bytes(std::span(part));
    EXPECT_EQ(outcome_of([&] { entry.read(8, room); }).fault, Fault::checkpoint);
    EXPECT_EQ(outcome_of([&] { entry.read(11, {}); }).fault, Fault::checkpoint);
    EXPECT_EQ(outcome_of([&] { entry.read(~std::uint64_t{0}, room); }).fault, Fault::checkpoint);
}

TEST(ZipReader, AFileThatShrinksIsAnError) {
    const Place place;
    const ZipReader zip(archive_of(place, {{.name = "a", .data = std::string(1000, 'x')}}));
    const RawEntry entry = zip.open_raw("a");
    ASSERT_EQ(::truncate(place.path().c_str(), 500), 0);
    std::string all(1000, '\0');
    EXPECT_EQ(outcome_of([&] { entry.read(0, std::as_writable_bytes(std::span(all))); }).fault, Fault::checkpoint);
}

TEST(ZipReader, GoesOnWhenTheFileIsRemoved) {
    const Place place;
    const ZipReader zip(archive_of(place, {{.name = "a"}}));
    fs::remove(place.path());
    EXPECT_EQ(zip.read("a", 100), "data");
}

TEST(ZipReader, ManyThreadsOpenAndReadAtOnce) {
    const Place place;
    std::vector<HandMadeEntry> entries;
    for (int i = 0; i < 200; ++i)
        entries.push_back({.name = std::to_string(i), .data = std::string(100, static_cast<char>('a' + i % 26))});
    const ZipReader zip(archive_of(place, entries));

    std::vector<int> right(4, 0);
    const auto read_all = [&](int& count) {
        for (const HandMadeEntry& entry : entries)
            count += zip.read(entry.name, 100) == entry.data ? 1 : 0;
    };
    {
        std::vector<std::jthread> threads;
        for (int& count : right)
            threads.emplace_back(read_all, std::ref(count));
    }
    EXPECT_EQ(right, std::vector<int>(4, 200));
}

} // namespace cedana::testing
