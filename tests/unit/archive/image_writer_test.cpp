// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_writer.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/archive/image_support.hpp"

namespace cedana::testing {
namespace {

constexpr std::uint64_t k_small_pool = 16 * k_mib;

const Contents& contents_of_all_sizes() {
    static const Contents contents = [] {
        Contents made;
        for (const std::size_t size : {0UL, 1UL, 64 * 1024 - 1UL, 64 * 1024UL, 64 * 1024 + 1UL, k_mib - 1, k_mib,
                                       k_mib + 1, 2 * k_mib, 5 * k_mib + 12345})
            made.emplace(fmt::format("image-{}.img", size), content_of(size));
        return made;
    }();
    return contents;
}

// Distinct images that do not fit into a small pool together.
Contents large_images(std::size_t count, std::size_t size) {
    Contents contents;
    for (std::size_t i = 1; i <= count; ++i)
        contents.emplace(fmt::format("pages-{}.img", i), content_of(size + i));
    return contents;
}

Contents read_by_zip_reader(const std::filesystem::path& path) {
    const ZipReader zip(path);
    Contents contents;
    for (const EntryInfo& entry : zip.entries())
        contents.emplace(entry.name.substr(std::string_view("images/").size()), zip.read(entry.name, 200 * k_mib));
    return contents;
}

// Fault of a write into a file that may not grow beyond `limit`, as the exit status of a child.
int fault_with_file_limit(const std::filesystem::path& path, rlim_t limit, void (*work)(Capture&)) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit most{.rlim_cur = limit, .rlim_max = limit};
        ::setrlimit(RLIMIT_FSIZE, &most);
        const Outcome outcome = outcome_of([&] {
            Capture capture(path, {.method = Method::store}, k_small_pool);
            work(capture);
        });
        ::_exit(static_cast<int>(outcome.fault.value_or(Fault{0})));
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class WrittenImages : public ::testing::TestWithParam<Method> {
  protected:
    Place place_;
};
INSTANTIATE_TEST_SUITE_P(ImageWriter, WrittenImages, ::testing::Values(Method::store, Method::deflate, Method::zstd),
                         [](const auto& instance) { return std::string(name_of(instance.param)); });

TEST_P(WrittenImages, OfAllSizesAreReadBackByTheImageReader) {
    const FrameIndex index = write_images(place_.path(), contents_of_all_sizes(), GetParam());
    EXPECT_TRUE(read_images(ZipReader(place_.path()), index) == contents_of_all_sizes());
}

TEST_P(WrittenImages, OfAllSizesAreReadBackByTheZipReader) {
    write_images(place_.path(), contents_of_all_sizes(), GetParam());
    EXPECT_TRUE(read_by_zip_reader(place_.path()) == contents_of_all_sizes());
}

TEST_P(WrittenImages, HaveAnIndexOfFramesWithoutGaps) {
    const FrameIndex index = write_images(place_.path(), contents_of_all_sizes(), GetParam());
    EXPECT_EQ(read_index(write_index(index)), index);
    EXPECT_EQ(index.images.size(), contents_of_all_sizes().size());
}

TEST_P(WrittenImages, ThatAreLargerThanThePoolArriveBeforeCompressNow) {
    const Contents contents = {{"pages-1.img", content_of(40 * k_mib)}};
    Capture capture(place_.path(), {.method = GetParam()}, k_small_pool);
    Feeder feeder(capture.writer);
    feeder.add(contents);
    feeder.run(k_mib);
    const FrameIndex index = capture.finish();
    EXPECT_TRUE(read_images(ZipReader(place_.path()), index) == contents);
}

TEST(ImageWriter, KeepsSmallImagesDeflatedSoThatAnyUnzipReadsThem) {
    const Place place;
    const FrameIndex index = write_images(place.path(), {{"core-1.img", "a core"}, {"pages-1.img", content_of(k_mib)}});
    EXPECT_EQ(index.find("core-1.img")->method, Method::deflate);
    EXPECT_EQ(index.find("pages-1.img")->method, Method::zstd);
}

TEST(ImageWriter, WritesAnArchiveWithoutImages) {
    const Place place;
    Capture capture(place.path());
    EXPECT_TRUE(capture.finish().images.empty());
}

// In pieces that end anywhere, of memory of one's own.
TEST_P(WrittenImages, ThatAreReferredToAreReadBack) {
    const Contents contents = {{"pages-1.img", content_of(3 * k_mib + 12345)}, {"pages-2.img", content_of(5000)}};
    Capture capture(place_.path(), {.method = GetParam()}, k_small_pool);
    for (const auto& [name, content] : contents) {
        const int image = capture.writer.begin(name);
        const auto all = bytes(content);
        for (std::size_t begin = 0, size = 1; begin < all.size(); begin += size, size = size * 3 % 700'001)
            capture.writer.refer(image, std::span(all).subspan(begin, std::min(size, all.size() - begin)));
        capture.writer.end(image);
    }
    const FrameIndex index = capture.finish();
    EXPECT_TRUE(read_images(ZipReader(place_.path()), index) == contents);
    EXPECT_TRUE(read_by_zip_reader(place_.path()) == contents);
    EXPECT_EQ(capture.free_frames(), k_small_pool / k_frame_size);
}

// Whoever takes it may be slow or quick: level by level it stays one stream of frames.
TEST(ImageWriter, WritesFramesOfAnyLevel) {
    const Place place;
    Capture capture(place.path());
    capture.writer.pace();
    Feeder feeder(capture.writer);
    feeder.add(contents_of_all_sizes());
    feeder.run();
    const FrameIndex index = capture.finish();
    const ZipReader zip(place.path());
    EXPECT_EQ(read_images(zip, index), contents_of_all_sizes());
}

TEST(ImageWriter, CompressesNothingBeforeItIsTold) {
    const Place place;
    Capture capture(place.path());
    Feeder feeder(capture.writer);
    feeder.add(contents_of_all_sizes());
    feeder.run();
    EXPECT_EQ(capture.writer.bytes_done(), 0U);
    EXPECT_EQ(capture.file_size(), 0U);
}

TEST(ImageWriter, CountsTheBytesThatAreInTheArchive) {
    const Place place;
    Capture capture(place.path());
    Feeder feeder(capture.writer);
    feeder.add("a.img", contents_of_all_sizes().rbegin()->second);
    feeder.run();
    static_cast<void>(capture.finish());
    EXPECT_EQ(capture.writer.bytes_done(), contents_of_all_sizes().rbegin()->second.size());
}

TEST(ImageWriter, GivesAllFramesBack) {
    const Place place;
    Capture capture(place.path(), {}, k_small_pool);
    const Contents contents = large_images(3, 7 * k_mib);
    Feeder feeder(capture.writer);
    feeder.add(contents);
    feeder.run();
    static_cast<void>(capture.finish());
    EXPECT_EQ(capture.free_frames(), 16U);
}

TEST(ImageWriter, GivesTheFrameOfASmallEndBackAtOnce) {
    const Place place;
    Capture capture(place.path(), {}, k_small_pool);
    const std::string content = content_of(k_mib + 100);
    Feeder feeder(capture.writer);
    feeder.add("a.img", content);
    feeder.run();
    EXPECT_EQ(capture.free_frames(), 15U);
}

TEST(ImageWriter, TakesFarMoreThanThePoolHolds) {
    const Place place;
    const Contents contents = {{"pages-1.img", content_of(100 * k_mib)}};
    Capture capture(place.path(), {}, k_small_pool);
    Feeder feeder(capture.writer);
    feeder.add(contents);
    feeder.run(k_mib);
    static_cast<void>(capture.finish());
    EXPECT_TRUE(read_by_zip_reader(place.path()) == contents);
}

TEST(ImageWriter, DoesNotLetTheCaptureWaitForSlowThreads) {
    const Place place;
    Capture capture(place.path(), {}, k_small_pool);
    const int image = capture.writer.begin("pages-1.img");
    for (auto room = capture.writer.space(image); !room.empty(); room = capture.writer.space(image))
        capture.writer.filled(image, room.size());
    const int usual = ::getpriority(PRIO_PROCESS, 0);
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task"))
        EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(std::stoi(thread.path().filename()))), usual);
}

TEST(ImageWriter, TakesImagesByTurnsThatThePoolDoesNotHold) {
    const Place place;
    const Contents contents = large_images(4, 12 * k_mib);
    Capture capture(place.path(), {}, k_small_pool);
    Feeder feeder(capture.writer);
    feeder.add(contents);
    feeder.run();
    static_cast<void>(capture.finish());
    EXPECT_TRUE(read_by_zip_reader(place.path()) == contents);
}

// Each holds one frame, none can be given a second.
TEST(ImageWriter, TakesMoreImagesByTurnsThanThePoolHasFrames) {
    const Place place;
    const Contents contents = large_images(24, 2 * k_mib);
    Capture capture(place.path(), {}, k_small_pool);
    Feeder feeder(capture.writer);
    feeder.add(contents);
    feeder.run();
    static_cast<void>(capture.finish());
    EXPECT_TRUE(read_by_zip_reader(place.path()) == contents);
}

TEST(ImageWriter, IsNotHeldUpByAnImageThatStaysOpen) {
    const Place place;
    const std::string files = content_of(3 * k_mib);
    const std::string pages = content_of(40 * k_mib);
    Capture capture(place.path(), {}, k_small_pool);
    const int open = capture.writer.begin("files.img");
    feed_image(capture.writer, open, files);
    Feeder feeder(capture.writer);
    feeder.add("pages-1.img", pages);
    feeder.run(k_mib);
    capture.writer.end(open);
    static_cast<void>(capture.finish());
    EXPECT_TRUE(read_by_zip_reader(place.path()) == (Contents{{"files.img", files}, {"pages-1.img", pages}}));
}

// As CRIU does: the pages of a process wait until its map of pages was taken.
TEST(ImageWriter, GivesMemoryToAnotherImageWhileTheOneThatIsWrittenHasNothing) {
    const Place place;
    const std::string pages = content_of(20 * k_mib);
    const std::string map = content_of(3 * k_mib);
    Capture capture(place.path(), {}, k_small_pool);
    const int files_image = capture.writer.begin("files.img");
    feed_image(capture.writer, files_image, content_of(k_small_pool));
    const int pages_image = capture.writer.begin("pages-1.img");
    const int map_image = capture.writer.begin("pagemap-1.img");
    feed_image(capture.writer, pages_image, pages);
    feed_image(capture.writer, map_image, map);
    feed_image(capture.writer, pages_image, pages);
    capture.writer.end(pages_image);
    capture.writer.end(map_image);
    capture.writer.end(files_image);
    static_cast<void>(capture.finish());
    EXPECT_EQ(read_by_zip_reader(place.path()).at("pagemap-1.img"), map);
}

TEST(ImageWriter, WritesManySmallImagesWithoutMuchMemory) {
    const Place place;
    Capture capture(place.path());
    for (int i = 0; i < 20'000; ++i) {
        const int image = capture.writer.begin(fmt::format("core-{}.img", i));
        feed_image(capture.writer, image, "a core image");
        capture.writer.end(image);
    }
    const FrameIndex index = capture.finish();
    EXPECT_EQ(index.images.size(), 20'000U);
    EXPECT_EQ(ZipReader(place.path()).entries().size(), 20'000U);
}

TEST(ImageWriter, SaysSoWhenTheMemoryIsTooSmall) {
    const Place place;
    Capture capture(place.path(), {.patience = std::chrono::milliseconds(50)}, k_small_pool);
    const int image = capture.writer.begin("files.img");
    const std::string content = content_of(40 * k_mib);
    EXPECT_EQ(outcome_of([&] { feed_image(capture.writer, image, content); }).fault, Fault::environment);
}

TEST(ImageWriter, RefusesToFinishWhileAnImageIsOpen) {
    const Place place;
    Capture capture(place.path());
    static_cast<void>(capture.writer.begin("files.img"));
    EXPECT_EQ(outcome_of([&] { static_cast<void>(capture.finish()); }).fault, Fault::internal);
}

TEST(ImageWriter, TellsTheCaptureOfAFullDisk) {
    const Place place;
    EXPECT_EQ(fault_with_file_limit(place.path(), 5 * k_mib,
                                    [](Capture& capture) {
                                        const std::string content = content_of(60 * k_mib);
                                        feed_image(capture.writer, capture.writer.begin("pages-1.img"), content);
                                    }),
              static_cast<int>(Fault::storage));
}

TEST(ImageWriter, TellsOfAFullDiskAtTheEnd) {
    const Place place;
    EXPECT_EQ(fault_with_file_limit(place.path(), 5 * k_mib,
                                    [](Capture& capture) {
                                        const std::string content = content_of(10 * k_mib);
                                        Feeder feeder(capture.writer);
                                        feeder.add("pages-1.img", content);
                                        feeder.run();
                                        static_cast<void>(capture.finish());
                                    }),
              static_cast<int>(Fault::storage));
}

TEST(ImageWriter, EndsWithoutFinishing) {
    const Place place;
    const std::string content = content_of(30 * k_mib);
    Capture capture(place.path(), {}, k_small_pool);
    feed_image(capture.writer, capture.writer.begin("pages-1.img"), content);
}

TEST(ImageWriter, EndsWithoutHavingBeenUsed) {
    const Place place;
    const Capture capture(place.path());
}

TEST(ImageWriter, IsInterruptedWhileItFinishes) {
    const Place place;
    // Before any thread, as in main.
    const Interrupt interrupt = Interrupt::install();
    const std::string content = content_of(32 * k_mib);
    Capture capture(place.path(), {.method = Method::deflate, .level = 9});
    Feeder feeder(capture.writer);
    feeder.add("pages-1.img", content);
    feeder.run(k_mib);
    ::kill(::getpid(), SIGTERM);
    EXPECT_EQ(outcome_of([&] { static_cast<void>(capture.writer.finish(interrupt)); }).fault, Fault::interrupted);
}

} // namespace
} // namespace cedana::testing
