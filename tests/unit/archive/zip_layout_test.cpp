// SPDX-License-Identifier: Apache-2.0
// What versions of libzip write differently: bit 11 of headers (from 1.11 on set for a name of ASCII that was added as
// UTF-8, and before taken from those that were there when a directory is written anew), and the large records at the
// end (before 1.11 for each archive with a large entry). Whatever libzip is beneath, archives of all are taken.
#include "cedana/archive/zip_layout.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/archive/zip_writer.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {
namespace {

std::string in_zip(std::uint64_t value, std::size_t width) {
    std::string out;
    for (std::size_t i = 0; i < width; ++i)
        out += static_cast<char>(value >> (8 * i));
    return out;
}

// Where the upper byte of the flags is in each header of the archive: in front of the entries, then in the directory.
std::vector<std::size_t> upper_flags(const std::string& archive) {
    std::vector<std::size_t> places;
    for (std::size_t at = archive.find("PK\x03\x04"); at != std::string::npos; at = archive.find("PK\x03\x04", at + 1))
        places.push_back(at + 7);
    for (std::size_t at = archive.find("PK\x01\x02"); at != std::string::npos; at = archive.find("PK\x01\x02", at + 1))
        places.push_back(at + 9);
    return places;
}

std::string large_end(std::uint64_t entries, std::uint64_t size, std::uint64_t offset) {
    return "PK\x06\x06" + in_zip(44, 8) + in_zip(45, 2) + in_zip(45, 2) + in_zip(0, 8) + in_zip(entries, 8) +
           in_zip(entries, 8) + in_zip(size, 8) + in_zip(offset, 8) + "PK\x06\x07" + in_zip(0, 4) +
           in_zip(offset + size, 8) + in_zip(1, 4);
}

class Layout : public ::testing::Test {
  protected:
    void write_four() {
        NewZip zip(path_);
        for (const char* name : {"images/pages-1.img", "index.json", "checkpoint_state.json", "last"})
            zip.write(name, std::string("the content of ") + name, Method::store);
    }
    void mark(const std::string& headers) {
        std::string archive = read_file(path_);
        const std::vector<std::size_t> places = upper_flags(archive);
        ASSERT_EQ(places.size(), headers.size());
        for (std::size_t i = 0; i < places.size(); ++i)
            archive[places[i]] = static_cast<char>(headers[i] == '+' ? 8 : 0);
        put_file(path_, archive);
    }
    // As `client sign` does.
    void sign() {
        const UniqueFd fd = open_file(path_, O_RDWR);
        ZipWriter(fd.get(), path_, ZipContent::archive)
            .replace({.name = "signature", .source = memory_entry("text", Method::store, 0)});
    }
    [[nodiscard]] bool is_taken() const {
        return !outcome_of([&] { require_exact_layout(ZipReader(path_)); }).fault.has_value();
    }
    // The end of the archive with large records and without, whatever it has.
    [[nodiscard]] std::string with_large_end(std::uint64_t entries) const {
        const std::string whole = without_large_end();
        const std::size_t directory = whole.find("PK\x01\x02");
        const std::size_t end = whole.rfind("PK\x05\x06");
        return whole.substr(0, end) + large_end(entries, end - directory, directory) + whole.substr(end);
    }
    [[nodiscard]] std::string without_large_end() const {
        const std::string whole = read_file(path_);
        const std::size_t end = whole.rfind("PK\x05\x06");
        return whole.substr(0, std::min(whole.find("PK\x06\x06"), end)) + whole.substr(end);
    }

    Place place_;
    std::filesystem::path path_ = place_.path();
};

TEST_F(Layout, MarksNoNameWhateverTheLibzip) {
    write_four();
    const std::string archive = read_file(path_);
    for (const std::size_t place : upper_flags(archive))
        EXPECT_EQ(archive[place], 0) << place;
}

TEST_F(Layout, IsTakenWithNamesMarkedAsAnyLibzipDoes) {
    write_four();
    for (const char* headers : {
             "--------", // before 1.11
             "++++++++", // 1.11
             "+++-----", // 1.11, then signed with one of before
             "---+---+", // the other way round
             "+++-+++-", // 1.11, then signed by a cedana that marks nothing
             "++++---+", // 1.11, then signed with one of before, and with 1.11 again
         }) {
        mark(headers);
        EXPECT_TRUE(is_taken()) << headers;
    }
}

TEST_F(Layout, WithOneMarkTooManyOrTooFewIsDamaged) {
    write_four();
    for (std::size_t i = 0; i < 8; ++i) {
        std::string one(8, '-');
        std::string all_but_one(8, '+');
        one[i] = '+';
        all_but_one[i] = '-';
        for (const std::string& headers : {one, all_but_one}) {
            mark(headers);
            EXPECT_FALSE(is_taken()) << headers;
        }
    }
}

TEST_F(Layout, IsKeptWhenAMarkedArchiveIsSigned) {
    for (const char* headers : {"--------", "++++++++"}) {
        std::filesystem::remove(path_);
        write_four();
        mark(headers);
        // The second time it takes the place of the first.
        for (int times = 0; times < 2; ++times) {
            sign();
            EXPECT_TRUE(is_taken()) << headers;
            EXPECT_EQ(ZipReader(path_).read("signature", 100), "text");
            EXPECT_EQ(ZipReader(path_).read("last", 100), "the content of last");
        }
    }
}

TEST_F(Layout, OfALargeEntryIsTakenWithAndWithoutTheLargeEnd) {
    NewZip(path_).write("a", std::make_unique<RepeatingEntry>(RepeatingEntry::Parts{
                                 .method = Method::zstd, .block = "data", .size = 5UL << 30, .crc = 1}));
    EXPECT_TRUE(is_taken());
    put_file(path_, without_large_end());
    EXPECT_TRUE(is_taken());
    put_file(path_, with_large_end(1));
    EXPECT_TRUE(is_taken());
    put_file(path_, with_large_end(2));
    EXPECT_FALSE(is_taken());
}

TEST_F(Layout, OfSmallEntriesWithALargeEndIsDamaged) {
    write_four();
    put_file(path_, with_large_end(4));
    EXPECT_FALSE(is_taken());
}

} // namespace
} // namespace cedana::testing
