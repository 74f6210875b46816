// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/secret_bytes.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <utility>

#include <sodium.h>

namespace cedana {

void prepare_sodium() {
    static const bool ready = sodium_init() >= 0;
    if (!ready)
        throw Error(Fault::internal, "libsodium cannot be set up");
}

void fill_random(std::span<std::byte> out) {
    prepare_sodium();
    randombytes_buf(out.data(), out.size());
}

// Also wipes (sodium_memzero), and gives what was locked back.
void SecretBytes::Wipe::operator()(std::byte* memory) const noexcept { sodium_free(memory); }

SecretBytes::SecretBytes(std::size_t size) : size_(size) {
    prepare_sodium();
    // Locking it fails for an ordinary user over RLIMIT_MEMLOCK, which libsodium takes as it is.
    memory_.reset(static_cast<std::byte*>(sodium_malloc(size)));
    if (!memory_)
        throw Error(Fault::environment, "there is no memory for a key");
    sodium_memzero(memory_.get(), size);
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : memory_(std::move(other.memory_)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
    memory_ = std::move(other.memory_);
    size_ = std::exchange(other.size_, 0);
    return *this;
}

SecretBytes SecretBytes::random(std::size_t size) {
    SecretBytes secret(size);
    fill_random(secret.bytes());
    return secret;
}

SecretBytes SecretBytes::copy_of(std::span<const std::byte> bytes) {
    SecretBytes secret(bytes.size());
    std::ranges::copy(bytes, secret.bytes().begin());
    return secret;
}

void SecretBytes::shorten(std::size_t size) {
    if (size > size_)
        throw Error(Fault::internal, "a secret cannot be made longer");
    sodium_memzero(memory_.get() + size, size_ - size);
    size_ = size;
}

} // namespace cedana
