// SPDX-License-Identifier: Apache-2.0
// Frames that were compressed before the images came: they are used again where the content is the same, and whoever
// hears of what is written is told which it has already.
#include "cedana/archive/frames_ahead.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "unit/archive/image_support.hpp"

namespace cedana::testing {
namespace {

constexpr int k_level = 1;

std::string_view frame_of(std::string_view content, std::size_t number) {
    return content.substr(number * k_frame_size, k_frame_size);
}

// By their numbers.
std::map<std::uint64_t, std::string> add_frames(FramesAhead& frames, std::string_view content) {
    std::map<std::uint64_t, std::string> added;
    for (std::size_t i = 0; i * k_frame_size < content.size(); ++i) {
        const auto frame = frames.add(bytes(frame_of(content, i)));
        if (frame && *frame != nullptr)
            added.emplace((*frame)->number, text_of((*frame)->compressed));
    }
    return added;
}

// What is written of an image, and how much of it had a number.
struct Heard {
    std::string file;
    std::size_t known = 0;
    bool is_right = true;
};

TEST(FramesAhead, HoldsEachContentOnce) {
    FramesAhead frames(k_level, k_mib);
    const std::string content = mixed_content(100'000);
    EXPECT_EQ(frames.find(bytes(content)), nullptr);
    const auto added = frames.add(bytes(content));
    ASSERT_TRUE(added && *added != nullptr);
    EXPECT_EQ((*added)->number, 1U);
    EXPECT_FALSE(frames.add(bytes(content)));
    EXPECT_EQ(frames.find(bytes(content)), *added);
    EXPECT_EQ(frames.find(bytes(content).first(99'999)), nullptr);
    std::string decoded(content.size(), '\0');
    FrameDecoder().decode(Method::zstd, (*added)->compressed, std::as_writable_bytes(std::span(decoded)));
    EXPECT_EQ(decoded, content);
}

TEST(FramesAhead, TakesNoMoreThanItMay) {
    FramesAhead frames(k_level, 10);
    const auto added = frames.add(bytes(mixed_content(100'000)));
    ASSERT_TRUE(added);
    EXPECT_EQ(*added, nullptr);
    EXPECT_EQ(frames.bytes(), 0U);
}

// Of pieces that libzip cuts as it likes.
TEST(FramesAhead, AreToldWhereTheyAreWritten) {
    const Place place;
    std::string content = content_of(9 * k_mib + 5000);
    // What is compressed of them is the same.
    for (const std::size_t same : {5UL, 6UL, 7UL})
        content.replace(same * k_frame_size, k_frame_size, k_frame_size, 'x');
    FramesAhead frames(k_level, 64 * k_mib);
    const auto added = add_frames(frames, content);
    content[3 * k_frame_size + 17] ^= 1;
    const UniqueFd fd = open_file(place.path(), O_RDWR | O_CREAT | O_EXCL, 0600);
    ZipWriter zip(fd.get(), place.path());
    Heard heard;
    zip.copy_to([&](const WrittenPiece& piece) {
        const std::string text = text_of(piece.bytes);
        heard.file.resize(std::max(heard.file.size(), piece.offset + text.size()));
        heard.file.replace(piece.offset, text.size(), text);
        if (piece.number == 0)
            return;
        heard.known += text.size();
        heard.is_right = heard.is_right && added.at(piece.number).substr(piece.from, text.size()) == text;
    });
    FramePool pool(64 * k_mib, 0);
    ImageWriter writer(zip, pool, {});
    writer.use(frames);
    const int image = writer.begin("pages-1.img");
    feed_image(writer, image, content);
    writer.end(image);
    const FrameIndex index = writer.finish(Interrupt::none());
    std::size_t compressed = 2 * added.at(6).size();
    for (const auto& [number, frame] : added)
        compressed += frame.size();
    EXPECT_TRUE(heard.is_right);
    EXPECT_EQ(heard.known, compressed - added.at(4).size());
    EXPECT_EQ(heard.file, read_file(place.path()));
    const ZipReader reader(place.path());
    EXPECT_EQ(read_images(reader, index), (Contents{{"pages-1.img", content}}));
}

} // namespace
} // namespace cedana::testing
