// SPDX-License-Identifier: Apache-2.0
#include "unit/archive/image_support.hpp"

#include <algorithm>
#include <stdexcept>

#include <poll.h>
#include <unistd.h>

namespace cedana::testing {

namespace {

// Waits for an eventfd and clears it.
void wait_for(int event) {
    constexpr int k_limit_ms = 60'000;
    pollfd entry{.fd = event, .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, k_limit_ms) != 1)
        throw std::runtime_error("nothing came within a minute");
    std::uint64_t count = 0;
    static_cast<void>(::read(event, &count, sizeof count));
}

} // namespace

std::string content_of(std::size_t size) {
    static const std::string block = mixed_content(k_mib / 4 + 77);
    std::string content;
    content.reserve(size + block.size());
    while (content.size() < size)
        content += block;
    content.resize(size);
    return content;
}

void Feeder::add(const Contents& contents) {
    for (const auto& [name, content] : contents)
        add(name, content);
}

bool Feeder::feed(Pipe& pipe, std::size_t piece) {
    const std::span<std::byte> space = writer_.space(pipe.image);
    const auto data = bytes(pipe.rest.substr(0, std::min(piece, space.size())));
    if (data.empty())
        return false;
    std::ranges::copy(data, space.begin());
    writer_.filled(pipe.image, data.size());
    pipe.rest.remove_prefix(data.size());
    return true;
}

void Feeder::run_without_ends(std::size_t piece) {
    const auto unfed = [](const Pipe& pipe) { return !pipe.rest.empty(); };
    while (std::ranges::any_of(pipes_, unfed)) {
        bool fed = false;
        for (Pipe& pipe : pipes_)
            if (unfed(pipe))
                fed = feed(pipe, piece) || fed;
        if (!fed)
            wait_for(writer_.space_ready());
    }
}

void Feeder::run(std::size_t piece) {
    while (!pipes_.empty()) {
        bool fed = false;
        for (Pipe& pipe : pipes_)
            fed = (pipe.rest.empty() || feed(pipe, piece)) || fed;
        // As a loop that reads a pipe: that the end is there shows only when there is space for more.
        std::erase_if(pipes_, [&](const Pipe& pipe) {
            if (!pipe.rest.empty() || writer_.space(pipe.image).empty())
                return false;
            writer_.end(pipe.image);
            return true;
        });
        if (!fed && !pipes_.empty())
            wait_for(writer_.space_ready());
    }
}

void feed_image(ImageWriter& writer, int image, std::string_view content) {
    while (!content.empty()) {
        const std::span<std::byte> space = writer.space(image);
        if (space.empty())
            wait_for(writer.space_ready());
        const auto data = bytes(content.substr(0, space.size()));
        std::ranges::copy(data, space.begin());
        if (!data.empty())
            writer.filled(image, data.size());
        content.remove_prefix(data.size());
    }
}

FrameIndex write_images(const std::filesystem::path& path, const Contents& contents, Method method) {
    Capture capture(path, {.method = method});
    Feeder feeder(capture.writer);
    feeder.add(contents);
    feeder.run();
    return capture.finish();
}

std::span<const std::byte> wait_until_ready(ImageReader& reader, int stream) {
    while (true) {
        const auto data = reader.ready(stream);
        if (!data.empty() || reader.at_end(stream))
            return data;
        wait_for(reader.data_ready());
    }
}

std::string read_stream(ImageReader& reader, int stream) {
    std::string content;
    while (true) {
        const auto data = wait_until_ready(reader, stream);
        if (data.empty())
            return content;
        content += text_of(data);
        reader.passed(stream, data.size());
        reader.released(stream, data.size());
    }
}

Contents read_images(const ZipReader& zip, const FrameIndex& index, ImageReaderOptions options) {
    ImageReader reader(zip, index, std::move(options));
    std::map<std::string, int> streams;
    Contents contents;
    for (const ImageRecord& record : index.images)
        streams.emplace(record.name, reader.open(record.name));
    for (const auto& [name, stream] : streams)
        contents.emplace(name, read_stream(reader, stream));
    return contents;
}

} // namespace cedana::testing
