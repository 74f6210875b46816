// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_file.hpp"

#include <cstring>
#include <limits>

#include <spdlog/fmt/fmt.h>

namespace cedana::criu {

namespace {

// IMG_COMMON_MAGIC and IMG_SERVICE_MAGIC of criu/include/magic.h.
std::uint32_t first_magic_of(ImageKind kind) { return kind == ImageKind::statistics ? 0x55105940 : 0x54564319; }

// From an inventory it is known whether images have the first (criu/image.c, img_check_magic).
bool has_both(ImageKind kind) { return kind != ImageKind::inventory; }

} // namespace

Error damaged_image(const std::string& what) { return {Fault::checkpoint, "an image of criu is damaged: " + what}; }

ImageReader::ImageReader(std::string_view image, ImageKind kind) : rest_(image) {
    if ((has_both(kind) && number() != first_magic_of(kind)) || number() != static_cast<std::uint32_t>(kind))
        throw damaged_image("it is of another kind than its name says");
}

std::string_view ImageReader::next() { return payload(number()); }

std::string_view ImageReader::payload(std::uint64_t size) {
    if (size > rest_.size())
        throw damaged_image("it ends too early");
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(taken.size());
    return taken;
}

std::uint32_t ImageReader::number() {
    std::uint32_t value = 0;
    std::memcpy(&value, payload(sizeof value).data(), sizeof value);
    return value;
}

ImageWriter::ImageWriter(ImageKind kind) {
    if (has_both(kind))
        number(first_magic_of(kind));
    number(static_cast<std::uint32_t>(kind));
}

void ImageWriter::add(std::string_view message, std::string_view payload) {
    if (message.size() > std::numeric_limits<std::uint32_t>::max())
        throw Error(Fault::internal, fmt::format("a message of {} bytes does not fit into an image", message.size()));
    number(static_cast<std::uint32_t>(message.size()));
    bytes_.append(message).append(payload);
}

void ImageWriter::number(std::uint32_t value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }

} // namespace cedana::criu
