// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/frame_reader.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

const RawEntry& FrameReader::entry_of(const ImageRecord& image) {
    const auto known = entries_.find(image.name);
    if (known != entries_.end())
        return known->second;
    return entries_.emplace(image.name, zip_.open_raw(image.entry_name(folder_))).first->second;
}

ByteRange FrameReader::place(const ImageRecord& image, std::size_t number) {
    const FrameRecord& frame = image.frames.at(number);
    const std::uint64_t from = entry_of(image).start() + frame.offset;
    return {.from = from, .to = from + frame.compressed};
}

void FrameReader::check(const ImageRecord& image, std::size_t number) {
    const FrameRecord& frame = image.frames.at(number);
    compressed_.resize(frame.compressed);
    entry_of(image).read(frame.offset, compressed_);
    if (sha256(compressed_) != frame.digest)
        throw Error(Fault::checkpoint,
                    fmt::format("{} is damaged: frame {} of {} does not have the digest that the index gives",
                                zip_.path().string(), number, printable(image.name)));
}

void FrameReader::read(const ImageRecord& image, std::size_t number, std::span<std::byte> out) {
    check(image, number);
    const std::span<const std::byte> content =
        image.seal ? image.seal->open(image.place_of(number), compressed_) : std::span<const std::byte>(compressed_);
    decoder_.decode(image.method, content, out);
}

std::string FrameReader::read_all(const ImageRecord& image, std::size_t limit) {
    if (image.size > limit)
        throw Error(Fault::checkpoint, fmt::format("{}: the image {} is larger than {} bytes", zip_.path().string(),
                                                   printable(image.name), limit));
    std::string content(image.size, '\0');
    std::span<std::byte> rest = std::as_writable_bytes(std::span(content));
    for (std::size_t number = 0; number < image.frames.size(); ++number) {
        const std::size_t size = image.frames[number].size;
        read(image, number, rest.first(size));
        rest = rest.subspan(size);
    }
    return content;
}

} // namespace cedana
