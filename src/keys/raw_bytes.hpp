// SPDX-License-Identifier: Apache-2.0
// Bytes as libsodium takes them.
#pragma once

#include <cstddef>
#include <span>

namespace cedana {

inline const unsigned char* raw(std::span<const std::byte> bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* raw_out(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

} // namespace cedana
