// SPDX-License-Identifier: Apache-2.0
// Images as CRIU writes them, put together byte by byte.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace cedana::criu::testing {

// The second magic number of a kind of image (criu/include/magic.h).
namespace magic {
inline constexpr std::uint32_t core = 0x55053847;
inline constexpr std::uint32_t files = 0x56303138;
inline constexpr std::uint32_t mm = 0x57492820;
inline constexpr std::uint32_t pagemap = 0x56084025;
inline constexpr std::uint32_t pstree = 0x50273030;
inline constexpr std::uint32_t terminals = 0x59453036;
} // namespace magic

inline std::string number(std::uint32_t value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

inline std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value > 127; value >>= 7)
        bytes += static_cast<char>(value | 128);
    return bytes + static_cast<char>(value);
}

inline std::string field(unsigned key, std::uint64_t value) { return varint(key * 8) + varint(value); }
// A text, or a message inside of another.
inline std::string field(unsigned key, std::string_view bytes) {
    return varint(key * 8 + 2) + varint(bytes.size()) + std::string(bytes);
}

inline std::string image(std::uint32_t magic, const std::vector<std::string>& messages) {
    std::string bytes = number(0x54564319) + number(magic);
    for (const std::string& message : messages)
        bytes += number(static_cast<std::uint32_t>(message.size())) + message;
    return bytes;
}

} // namespace cedana::criu::testing
