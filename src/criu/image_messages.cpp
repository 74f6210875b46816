// SPDX-License-Identifier: Apache-2.0
#include "image_messages.hpp"

#include <cstring>

namespace cedana::criu {

Error damaged_image(const std::string& what) { return {Fault::checkpoint, "an image of criu is damaged: " + what}; }

ImageMessages::ImageMessages(std::string_view image, std::uint32_t magic) : rest_(image) {
    constexpr std::uint32_t k_image_magic = 0x54564319;
    if (number() != k_image_magic || number() != magic)
        throw damaged_image("it is of another kind than its name says");
}

std::string_view ImageMessages::take(std::size_t size) {
    if (size > rest_.size())
        throw damaged_image("it ends too early");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
}

std::uint32_t ImageMessages::number() {
    std::uint32_t value = 0;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
}

std::uint64_t MessageFields::number_or(std::uint32_t field, std::uint64_t otherwise) const {
    const auto found = numbers.find(field);
    return found == numbers.end() ? otherwise : found->second;
}

std::string_view MessageFields::bytes_of(std::uint32_t field) const {
    const auto found = bytes.find(field);
    return found == bytes.end() ? std::string_view() : found->second;
}

MessageFields fields_of(std::string_view message) {
    MessageFields fields;
    WireReader reader(message);
    while (const auto field = reader.next()) {
        if (field->value)
            fields.numbers[field->number] = *field->value;
        if (field->bytes)
            fields.bytes[field->number] = *field->bytes;
    }
    return fields;
}

std::vector<std::string_view> mappings_in(std::string_view image) {
    // criu/include/magic.h
    constexpr std::uint32_t k_mm_magic = 0x57492820;
    constexpr std::uint32_t k_mapping = 14;
    std::vector<std::string_view> mappings;
    ImageMessages messages(image, k_mm_magic);
    WireReader fields(messages.next());
    while (const auto field = fields.next())
        if (field->number == k_mapping && field->bytes)
            mappings.push_back(*field->bytes);
    return mappings;
}

} // namespace cedana::criu
