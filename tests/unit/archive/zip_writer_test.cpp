// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/zip_layout.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/checksums.hpp"
#include "cedana/base/child_process.hpp"

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>
#include <zip.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/archive/support.hpp"

namespace cedana::testing {

namespace fs = std::filesystem;

namespace {

// What libzip's own consistency check says; "" if nothing.
std::string complaint_of_libzip(const fs::path& path) {
    int error = 0;
    zip_t* zip = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &error);
    zip_error_t details;
    zip_error_init_with_code(&details, error);
    std::string text = zip != nullptr ? "" : zip_error_strerror(&details);
    zip_error_fini(&details);
    zip_discard(zip);
    return text;
}

// As libzip's own decoder reads it.
std::string read_by_libzip(const fs::path& path, const std::string& name, std::size_t size) {
    zip_t* zip = zip_open(path.c_str(), ZIP_RDONLY, nullptr);
    zip_file_t* file = zip_fopen(zip, name.c_str(), 0);
    std::string content(size, '\0');
    const zip_int64_t count = zip_fread(file, content.data(), size);
    char more = 0;
    const zip_int64_t rest = zip_fread(file, &more, 1);
    zip_fclose(file);
    zip_discard(zip);
    return count == static_cast<zip_int64_t>(size) && rest == 0 ? content : fmt::format("{}, {}", count, rest);
}

std::string raw_entry(const fs::path& path, std::string_view name) {
    const ZipReader zip(path);
    const RawEntry entry = zip.open_raw(name);
    std::string raw(entry.info().compressed, '\0');
    entry.read(0, std::as_writable_bytes(std::span(raw)));
    return raw;
}

bool is_installed(const std::string& tool) {
    return run_captured({.argv = {"sh", "-c", "command -v " + tool}}, std::chrono::seconds(10)).status.success();
}

Captured run(std::vector<std::string> argv) { return run_captured({.argv = std::move(argv)}, std::chrono::minutes(1)); }

// A large entry as the upper half of the room writes one: frames and a seek table.
std::unique_ptr<EntrySource> seekable_entry(std::string_view content) {
    const auto frames = encode_frames(content, Method::zstd);
    ImageRecord record;
    for (const auto& frame : frames)
        append_frame(record, static_cast<std::uint32_t>(frame.size()), k_frame_size, {});
    record.frames.back().size = static_cast<std::uint32_t>((content.size() - 1) % k_frame_size + 1);
    return std::make_unique<RepeatingEntry>(
        RepeatingEntry::Parts{.method = Method::zstd,
                              .block = join(frames) + text_of(seek_table(record.frames)),
                              .size = content.size(),
                              .crc = crc32_of(bytes(content))});
}

// An archive with some of everything that the method allows.
fs::path written_archive(const Place& place, Method method) {
    NewZip zip(place.path());
    std::vector<NamedEntry> first;
    first.push_back({"images/inventory.img", memory_entry(mixed_content(300), method, 1)});
    first.push_back({"images/empty.img", memory_entry("", method, 1)});
    zip->write(std::move(first));
    zip.write("images/pages-1.img", mixed_content(3 * k_frame_size + 5), method);
    zip.write("checkpoint_state.json", "{}", method);
    return zip.path();
}

// In memory if there is plenty: writing gigabytes to a disk takes half a minute.
fs::path roomy_folder() {
    const fs::path memory = "/dev/shm";
    return fs::is_directory(memory) && free_space(memory) > 10'000'000'000 ? memory : fs::temp_directory_path();
}

// Files of this process may not grow beyond `bytes` while this lives.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &old_);
        const rlimit limit{.rlim_cur = bytes, .rlim_max = old_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &old_);
        std::signal(SIGXFSZ, old_handler_);
    }

  private:
    rlimit old_{};
    void (*old_handler_)(int);
};

} // namespace

class WrittenZip : public ::testing::TestWithParam<Method> {
  protected:
    Place place_;
};
INSTANTIATE_TEST_SUITE_P(ZipWriter, WrittenZip, ::testing::Values(Method::store, Method::deflate, Method::zstd),
                         [](const auto& instance) { return std::string(name_of(instance.param)); });

TEST_P(WrittenZip, IsReadBack) {
    const ZipReader zip(written_archive(place_, GetParam()));
    EXPECT_EQ(zip.entries().size(), 4U);
    EXPECT_EQ(zip.read("images/inventory.img", 1000), mixed_content(300));
    EXPECT_EQ(zip.read("images/empty.img", 1000), "");
    EXPECT_TRUE(zip.read("images/pages-1.img", 4 * k_frame_size) == mixed_content(3 * k_frame_size + 5));
    EXPECT_EQ(zip.read("checkpoint_state.json", 1000), "{}");
}

TEST_P(WrittenZip, PassesTheConsistencyCheckOfLibzip) {
    EXPECT_EQ(complaint_of_libzip(written_archive(place_, GetParam())), "");
}

TEST_P(WrittenZip, HoldsItsMethodAndChecksum) {
    const ZipReader zip(written_archive(place_, GetParam()));
    const EntryInfo* entry = zip.find("images/inventory.img");
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->method, GetParam());
    EXPECT_EQ(entry->crc, crc32_of(bytes(mixed_content(300))));
}

TEST_P(WrittenZip, HoldsPlainFilesForTheirOwnerOnly) {
    zip_t* zip = zip_open(written_archive(place_, GetParam()).c_str(), ZIP_RDONLY, nullptr);
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    zip_file_get_external_attributes(zip, 2, 0, &system, &attributes);
    zip_discard(zip);
    EXPECT_EQ(system, ZIP_OPSYS_UNIX);
    EXPECT_EQ(attributes >> 16, static_cast<unsigned>(S_IFREG | 0600));
}

TEST(ZipWriter, LibzipDecodesStoredAndDeflatedEntries) {
    const Place place;
    NewZip zip(place.path());
    const std::string content = mixed_content(3 * k_frame_size + 5);
    zip.write("deflated", content, Method::deflate);
    zip.write("stored", content, Method::store);
    EXPECT_TRUE(read_by_libzip(zip.path(), "deflated", content.size()) == content);
    EXPECT_TRUE(read_by_libzip(zip.path(), "stored", content.size()) == content);
}

struct Tool {
    std::string name;
    std::vector<std::string> argv;
    Method method;
};

class OtherTool : public ::testing::TestWithParam<Tool> {
  protected:
    void SetUp() override {
        if (!is_installed(GetParam().name))
            GTEST_SKIP() << GetParam().name << " is not installed";
    }
    Place place_;
};
INSTANTIATE_TEST_SUITE_P(
    ZipWriter, OtherTool,
    ::testing::Values(Tool{"unzip", {"unzip", "-tqq"}, Method::deflate},
                      Tool{"unzip", {"unzip", "-tqq"}, Method::store}, Tool{"bsdtar", {"bsdtar", "-xOf"}, Method::zstd},
                      Tool{"bsdtar", {"bsdtar", "-xOf"}, Method::deflate}, Tool{"7z", {"7z", "t"}, Method::zstd},
                      Tool{"7z", {"7z", "t"}, Method::deflate}),
    [](const auto& instance) { return "T" + instance.param.name + "_" + std::string(name_of(instance.param.method)); });

TEST_P(OtherTool, AcceptsTheArchive) {
    std::vector<std::string> argv = GetParam().argv;
    argv.push_back(written_archive(place_, GetParam().method).string());
    const Captured result = run(argv);
    EXPECT_TRUE(result.status.success()) << result.status.text() << "\n" << result.out << result.err;
}

class ZstdTool : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!is_installed("zstd"))
            GTEST_SKIP() << "zstd is not installed";
    }
    Place place_;
};

TEST_F(ZstdTool, DecodesTheRawEntryWithItsSeekTable) {
    const std::string content = mixed_content(3 * k_frame_size + 5);
    NewZip zip(place_.path());
    zip.write("images/pages-1.img", seekable_entry(content));
    put_file(place_.path("raw.zst"), raw_entry(zip.path(), "images/pages-1.img"));
    const Captured result = run({"zstd", "-dq", place_.path("raw.zst"), "-o", place_.path("raw")});
    ASSERT_TRUE(result.status.success()) << result.err;
    EXPECT_TRUE(read_file(place_.path("raw")) == content);
}

TEST(ZipWriter, AnEntryWithASeekTableIsReadWhole) {
    const Place place;
    const std::string content = mixed_content(3 * k_frame_size + 5);
    NewZip zip(place.path());
    zip.write("images/pages-1.img", seekable_entry(content));
    EXPECT_TRUE(ZipReader(zip.path()).read("images/pages-1.img", content.size()) == content);
    EXPECT_EQ(complaint_of_libzip(zip.path()), "");
}

TEST(ZipWriter, WritesEachByteOnce) {
    const Place place;
    NewZip zip(place.path());
    for (int i = 0; i < 8; ++i)
        zip.write(fmt::format("small-{}", i), mixed_content(1000), Method::deflate);
    zip.write("large", std::make_unique<RepeatingEntry>(RepeatingEntry::Parts{
                           .block = std::string(k_frame_size, 'x'), .times = 64, .size = 64 * k_frame_size}));
    for (int i = 8; i < 16; ++i)
        zip.write(fmt::format("small-{}", i), mixed_content(1000), Method::deflate);
    EXPECT_LE(static_cast<double>(zip->bytes_written()), 1.05 * static_cast<double>(fs::file_size(zip.path())));
    EXPECT_EQ(complaint_of_libzip(zip.path()), "");
}

TEST(ZipWriter, WritesWhileTheEntryIsStillBeingProduced) {
    const Place place;
    std::uintmax_t size_before_the_last_block = 0;
    NewZip zip(place.path());
    zip.write("large", std::make_unique<RepeatingEntry>(RepeatingEntry::Parts{
                           .block = std::string(k_frame_size, 'x'),
                           .times = 16,
                           .size = 16 * k_frame_size,
                           .before = [&](std::uint64_t) { size_before_the_last_block = fs::file_size(zip.path()); }}));
    EXPECT_GE(size_before_the_last_block, 14 * k_frame_size);
}

TEST(ZipWriter, ManySmallEntriesShareTheirWrites) {
    const Place place;
    NewZip zip(place.path());
    std::vector<NamedEntry> entries;
    for (int i = 0; i < 1000; ++i)
        entries.push_back({fmt::format("images/core-{}.img", i), memory_entry(mixed_content(500), Method::deflate, 1)});
    zip->write(std::move(entries));
    EXPECT_LE(zip->bytes_written(), fs::file_size(zip.path()) + 1000);
    EXPECT_EQ(complaint_of_libzip(zip.path()), "");
}

TEST(ZipWriter, HoldsAnEntryOfMoreThanFourGibibytes) {
    const Place place(roomy_folder());
    NewZip zip(place.path());
    const std::string block(k_frame_size, 'x');
    constexpr std::uint64_t k_size = 4100 * k_frame_size;
    zip.write("images/pages-1.img", std::make_unique<RepeatingEntry>(RepeatingEntry::Parts{
                                        .block = block, .times = 4100, .size = k_size, .crc = 42}));
    zip.write("after", "it", Method::deflate);

    EXPECT_EQ(complaint_of_libzip(zip.path()), "");
    const ZipReader reader(zip.path());
    EXPECT_EQ(reader.find("images/pages-1.img")->size, k_size);
    EXPECT_EQ(reader.find("images/pages-1.img")->compressed, k_size);
    EXPECT_EQ(reader.read("after", 100), "it");
    std::string last(5, '\0');
    reader.open_raw("images/pages-1.img").read(k_size - 5, std::as_writable_bytes(std::span(last)));
    EXPECT_EQ(last, "xxxxx");
}

TEST(ZipWriter, HoldsASmallEntryOfManyGibibytes) {
    const Place place;
    NewZip zip(place.path());
    const auto frame = FrameEncoder(Method::zstd, 1).encode(bytes(std::string(k_frame_size, '\0')), Position::last);
    constexpr std::uint64_t k_frames = 100'000;
    zip.write(
        "images/pages-1.img",
        std::make_unique<RepeatingEntry>(RepeatingEntry::Parts{
            .method = Method::zstd, .block = text_of(frame), .times = k_frames, .size = k_frames * k_frame_size}));
    EXPECT_EQ(complaint_of_libzip(zip.path()), "");
    EXPECT_EQ(ZipReader(zip.path()).find("images/pages-1.img")->size, k_frames * k_frame_size);
}

TEST(ZipWriter, HoldsMoreThan65535Entries) {
    const Place place;
    NewZip zip(place.path());
    std::vector<NamedEntry> entries;
    for (int i = 0; i < 70'000; ++i)
        entries.push_back({fmt::format("images/core-{}.img", i), memory_entry("x", Method::store, 0)});
    zip->write(std::move(entries));
    zip.write("checkpoint_state.json", "{}", Method::store);

    EXPECT_EQ(complaint_of_libzip(zip.path()), "");
    const ZipReader reader(zip.path());
    EXPECT_EQ(reader.entries().size(), 70'001U);
    EXPECT_EQ(reader.read("images/core-69999.img", 10), "x");
    EXPECT_EQ(reader.read("checkpoint_state.json", 10), "{}");
}

TEST(ZipWriter, WhatASourceThrowsComesOut) {
    const Place place;
    NewZip zip(place.path());
    const auto interrupt_third = [](std::uint64_t given) {
        given == 2 ? throw Error(Fault::interrupted, "enough") : void();
    };
    const Outcome outcome = outcome_of([&] {
        zip.write("a", std::make_unique<RepeatingEntry>(RepeatingEntry::Parts{
                           .block = std::string(100'000, 'x'), .times = 5, .before = interrupt_third}));
    });
    EXPECT_EQ(outcome.fault, Fault::interrupted);
    EXPECT_EQ(outcome.message, "enough");
}

TEST(ZipWriter, AnyExceptionOfASourceComesOut) {
    const Place place;
    NewZip zip(place.path());
    const auto fail = [](std::uint64_t) { throw std::out_of_range("not an Error"); };
    EXPECT_THROW(zip.write("a", std::make_unique<RepeatingEntry>(RepeatingEntry::Parts{.block = "x", .before = fail})),
                 std::out_of_range);
}

TEST(ZipWriter, IsOfNoUseAfterAFailure) {
    const Place place;
    NewZip zip(place.path());
    zip.write("good", "x", Method::store);
    const auto fail = [](std::uint64_t) { throw std::out_of_range("not an Error"); };
    EXPECT_ANY_THROW(
        zip.write("bad", std::make_unique<RepeatingEntry>(RepeatingEntry::Parts{.block = "x", .before = fail})));
    EXPECT_EQ(outcome_of([&] { zip.write("later", "x", Method::store); }).fault, Fault::internal);
}

TEST(ZipWriter, AFullDiskIsAStorageFaultWithPathAndCause) {
    const Place place;
    const std::string content = mixed_content(8 * k_frame_size);
    NewZip zip(place.path());
    const FileSizeLimit limit(4 * k_frame_size);
    const Outcome outcome = outcome_of([&] { zip.write("large", content, Method::store); });
    EXPECT_EQ(outcome.fault, Fault::storage);
    EXPECT_NE(outcome.message.find(place.path().string()), std::string::npos);
    EXPECT_NE(outcome.message.find(errno_text(EFBIG)), std::string::npos);
}

TEST(ZipWriter, ADiskThatGivesOtherBytesThanItTookIsAStorageFault) {
    const Place place;
    NewZip zip(place.path());
    zip.write("first", "x", Method::store);
    // In place, as a device does.
    const UniqueFd fd = open_file(place.path(), O_WRONLY);
    const std::string zeros(fs::file_size(place.path()), '\0');
    ASSERT_EQ(::pwrite(fd.get(), zeros.data(), zeros.size(), 0), static_cast<ssize_t>(zeros.size()));
    const Outcome outcome = outcome_of([&] { zip.write("second", "x", Method::store); });
    EXPECT_EQ(outcome.fault, Fault::storage);
    EXPECT_NE(outcome.message.find("is not there any more"), std::string::npos) << outcome.message;
}

TEST(ZipWriter, AFullDiskShowsEvenIfOnlyTheDirectoryDoesNotFit) {
    const Place place;
    NewZip zip(place.path());
    const FileSizeLimit limit(100);
    EXPECT_EQ(outcome_of([&] { zip.write("small", std::string(80, 'x'), Method::store); }).fault, Fault::storage);
}

TEST(ZipWriter, AFileThatCannotBeWrittenIsAnError) {
    const Place place;
    put_file(place.path(), "");
    const UniqueFd fd = open_file(place.path(), O_RDONLY);
    ZipWriter writer(fd.get(), place.path());
    std::vector<NamedEntry> entries;
    entries.push_back({"a", memory_entry("x", Method::store, 0)});
    EXPECT_EQ(outcome_of([&] { writer.write(std::move(entries)); }).fault, Fault::storage);
}

TEST(ZipWriter, ANameIsTakenOnce) {
    const Place place;
    NewZip zip(place.path());
    zip.write("a", "x", Method::store);
    const Outcome outcome = outcome_of([&] { zip.write("a", "y", Method::store); });
    EXPECT_EQ(outcome.fault, Fault::internal);
    EXPECT_NE(outcome.message.find("a: "), std::string::npos);
}

TEST(ZipWriter, ANameThatNoReaderTakesIsNotWritten) {
    const Place place;
    EXPECT_EQ(outcome_of([&] { NewZip(place.path("1")).write("../a", "x", Method::store); }).fault, Fault::internal);
    EXPECT_EQ(outcome_of([&] { NewZip(place.path("2")).write("", "x", Method::store); }).fault, Fault::internal);
    EXPECT_EQ(outcome_of([&] { NewZip(place.path("3")).write("a/", "x", Method::store); }).fault, Fault::internal);
}

TEST(ZipWriter, WritesNothingForNoEntries) {
    const Place place;
    NewZip zip(place.path());
    zip->write({});
    EXPECT_EQ(fs::file_size(zip.path()), 0U);
    zip.write("a", "x", Method::store);
    EXPECT_EQ(ZipReader(zip.path()).read("a", 10), "x");
}

// What is there stays where it is: only the last entry and the directory are written anew.
TEST(ZipWriter, ReplacesTheLastEntryAndLeavesTheRestAsItIs) {
    const Place place;
    const std::string content = mixed_content(3'000'000);
    NewZip zip(place.path());
    zip.write("images/pages-1.img", content, Method::zstd);
    zip.write("signature", "short", Method::store);
    const std::string before = read_file(place.path());
    const std::size_t kept = before.find("signature") - 30;
    for (const char* text : {"another one, which is longer", "x"}) {
        const UniqueFd fd = open_file(place.path(), O_RDWR);
        ZipWriter writer(fd.get(), place.path(), ZipContent::archive);
        writer.replace({.name = "signature", .source = memory_entry(text, Method::store, 0)});
        EXPECT_LT(writer.bytes_written(), 1000U);
        const ZipReader reader(place.path());
        EXPECT_EQ(reader.entries().size(), 2U);
        EXPECT_EQ(reader.read("signature", 100), text);
        EXPECT_EQ(reader.read("images/pages-1.img", content.size()), content);
        require_exact_layout(reader);
        EXPECT_EQ(complaint_of_libzip(place.path()), "");
        EXPECT_EQ(read_file(place.path()).substr(0, kept), before.substr(0, kept));
    }
}

TEST(ZipWriter, AppendsToAnArchiveWhatItDoesNotHoldYet) {
    const Place place;
    NewZip(place.path()).write("a", "content", Method::store);
    const UniqueFd fd = open_file(place.path(), O_RDWR);
    ZipWriter(fd.get(), place.path(), ZipContent::archive)
        .replace({.name = "signature", .source = memory_entry("text", Method::store, 0)});
    const ZipReader reader(place.path());
    EXPECT_EQ(reader.read("a", 100), "content");
    EXPECT_EQ(reader.read("signature", 100), "text");
    require_exact_layout(reader);
}

} // namespace cedana::testing
