// SPDX-License-Identifier: Apache-2.0
// What the tests of image_writer and image_reader share: a checkpoint's images on their way in and out.
#pragma once

#include "cedana/archive/frame_pool.hpp"
#include "cedana/archive/image_reader.hpp"
#include "cedana/archive/image_writer.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/units.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "unit/archive/support.hpp"

namespace cedana::testing {

using Contents = std::map<std::string, std::string>;

// As mixed_content(), quicker for many megabytes: it repeats itself, though not frame by frame.
std::string content_of(std::size_t size);

// Stands for the loop that reads CRIU's pipes: every image is a pipe that has all of its bytes at once; one that gets
// no space waits for space_ready(), the others go on.
class Feeder {
  public:
    explicit Feeder(ImageWriter& writer) : writer_(writer) {}
    void add(const std::string& name, std::string_view content) { pipes_.push_back({writer_.begin(name), content}); }
    void add(const Contents& contents);
    // All bytes of all images, in pieces of at most `piece` by turns, then the ends.
    void run(std::size_t piece = 100'000);
    // The same without ends.
    void run_without_ends(std::size_t piece = 100'000);

  private:
    struct Pipe {
        int image;
        std::string_view rest;
    };
    bool feed(Pipe& pipe, std::size_t piece);

    ImageWriter& writer_;
    std::vector<Pipe> pipes_;
};

// The bytes of one image, without its end; waits for space.
void feed_image(ImageWriter& writer, int image, std::string_view content);

// A writer with all that it needs.
class Capture {
  public:
    explicit Capture(const std::filesystem::path& path, ImageWriterOptions options = {},
                     std::uint64_t bound = 64 * k_mib)
        : path_(path), fd_(open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600)), zip_(fd_.get(), path), pool_(bound, 0),
          writer(zip_, pool_, std::move(options)) {}
    [[nodiscard]] std::uint64_t file_size() const { return std::filesystem::file_size(path_); }
    [[nodiscard]] std::uint64_t bytes_written() const { return zip_.bytes_written(); }
    [[nodiscard]] std::size_t free_frames() const { return pool_.free_frames(); }
    FrameIndex finish() { return writer.finish(Interrupt::none()); }

  private:
    std::filesystem::path path_;
    UniqueFd fd_;
    ZipWriter zip_;
    FramePool pool_;

  public:
    ImageWriter writer;
};

// Writes an archive of images and gives its index.
FrameIndex write_images(const std::filesystem::path& path, const Contents& contents, Method method = Method::zstd);

// As CRIU reads: all at once, each as far as it is ready. What is not given out within a minute is missing.
Contents read_images(const ZipReader& zip, const FrameIndex& index, ImageReaderOptions options = {});
// One stream to its end.
std::string read_stream(ImageReader& reader, int stream);
// Until ready() gives something, or the stream is at its end.
std::span<const std::byte> wait_until_ready(ImageReader& reader, int stream);

} // namespace cedana::testing
