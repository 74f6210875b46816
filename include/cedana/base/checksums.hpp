// SPDX-License-Identifier: Apache-2.0
// The two checksums of an archive: the CRC-32 that the zip format asks for, and SHA-256, by which a frame is trusted
// before anything decodes it. SHA-256 is libcrypto's, which uses the CPU's SHA instructions;
// by its plain functions, since those of EVP first read OpenSSL's configuration and look for providers: 2 ms of a
// start.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct SHA256state_st;

namespace cedana {

using Sha256 = std::array<std::byte, 32>;

// Throws Error(Fault::internal) when libcrypto refuses, as all of SHA-256 here.
[[nodiscard]] Sha256 sha256(std::span<const std::byte> data);
[[nodiscard]] Sha256 sha256(std::string_view data);

// SHA-256 of data that comes in pieces. For one thread.
class Sha256Stream {
  public:
    Sha256Stream();
    void add(std::span<const std::byte> data);
    // The digest of all that was added; the next add() begins anew.
    [[nodiscard]] Sha256 finish();

  private:
    struct Free {
        void operator()(SHA256state_st* context) const noexcept;
    };
    std::unique_ptr<SHA256state_st, Free> context_;
};

// 64 lower-case digits.
[[nodiscard]] std::string hex(const Sha256& digest);
// Takes exactly what hex() gives; false, and `out` unchanged, for anything else.
[[nodiscard]] bool parse_hex(std::string_view text, Sha256& out);

// CRC-32 as in zip; `start`: the CRC of the data before.
[[nodiscard]] std::uint32_t crc32_of(std::span<const std::byte> data, std::uint32_t start = 0);
// The CRC of two pieces in a row, from the CRC of each and the length of the second.
[[nodiscard]] std::uint32_t crc32_join(std::uint32_t first, std::uint32_t second, std::uint64_t second_length);

} // namespace cedana
