// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/checksums.hpp"

#include "cedana/base/error.hpp"

// Plain functions are deprecated since 3.0 (openssl_user_macros(7)).
#define OPENSSL_API_COMPAT 10101
#include <openssl/sha.h>
#include <zlib.h>

#include "folded_crc.hpp"

namespace cedana {

namespace {

void check(int libcrypto_result) {
    if (libcrypto_result != 1)
        throw Error(Fault::internal, "libcrypto cannot compute SHA-256");
}

unsigned char* bytes(Sha256& digest) { return reinterpret_cast<unsigned char*>(digest.data()); }

// -1 for anything but a lower-case hexadecimal digit.
int digit_value(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

} // namespace

Sha256 sha256(std::span<const std::byte> data) {
    Sha256 digest;
    // Not SHA256(3): that one looks for a provider first, and reads OpenSSL's configuration (1 ms).
    SHA256_CTX context;
    check(SHA256_Init(&context));
    check(SHA256_Update(&context, data.data(), data.size()));
    check(SHA256_Final(bytes(digest), &context));
    return digest;
}

Sha256 sha256(std::string_view data) { return sha256(std::as_bytes(std::span(data))); }

void Sha256Stream::Free::operator()(SHA256state_st* context) const noexcept { delete context; }

Sha256Stream::Sha256Stream() : context_(new SHA256_CTX) { check(SHA256_Init(context_.get())); }

void Sha256Stream::add(std::span<const std::byte> data) {
    check(SHA256_Update(context_.get(), data.data(), data.size()));
}

Sha256 Sha256Stream::finish() {
    Sha256 digest;
    check(SHA256_Final(bytes(digest), context_.get()));
    check(SHA256_Init(context_.get()));
    return digest;
}

std::string hex(const Sha256& digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * digest.size());
    for (const std::byte byte : digest) {
        text += digits[std::to_integer<std::size_t>(byte >> 4)];
        text += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
    }
    return text;
}

bool parse_hex(std::string_view text, Sha256& out) {
    Sha256 digest;
    if (text.size() != 2 * digest.size())
        return false;
    for (std::size_t i = 0; i < digest.size(); ++i) {
        const int high = digit_value(text[2 * i]);
        const int low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = static_cast<std::byte>(high * 16 + low);
    }
    out = digest;
    return true;
}

std::uint32_t crc32_of(std::span<const std::byte> data, std::uint32_t start) {
    if (const std::size_t count = foldable(data.size()); count > 0) {
        start = folded_crc(data.first(count), start);
        data = data.subspan(count);
    }
    // crc32_z takes a null pointer for a wish to begin anew.
    if (data.empty())
        return start;
    const auto* first = reinterpret_cast<const unsigned char*>(data.data());
    return static_cast<std::uint32_t>(crc32_z(start, first, data.size()));
}

std::uint32_t crc32_join(std::uint32_t first, std::uint32_t second, std::uint64_t second_length) {
    return static_cast<std::uint32_t>(crc32_combine(first, second, static_cast<z_off_t>(second_length)));
}

} // namespace cedana
