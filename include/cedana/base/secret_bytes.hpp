// SPDX-License-Identifier: Apache-2.0
// Bytes that nobody else may see: keys and passphrases. They lie between pages that fault, are kept out of swap and
// core dumps where the kernel allows, and are wiped when they go. Never to be copied into a string.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace cedana {

// Once, before anything else of libsodium; from any thread, as often as wanted. Throws Error(Fault::internal).
void prepare_sodium();

// Random bytes of the kernel's.
void fill_random(std::span<std::byte> out);

class SecretBytes {
  public:
    // Holds nothing.
    SecretBytes() = default;
    // `size` bytes of zero. Throws Error(Fault::environment) when there is no memory.
    explicit SecretBytes(std::size_t size);
    SecretBytes(SecretBytes&& other) noexcept;
    SecretBytes& operator=(SecretBytes&& other) noexcept;
    ~SecretBytes() = default;

    [[nodiscard]] static SecretBytes random(std::size_t size);
    [[nodiscard]] static SecretBytes copy_of(std::span<const std::byte> bytes);

    [[nodiscard]] std::span<std::byte> bytes() noexcept { return {memory_.get(), size_}; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {memory_.get(), size_}; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    // Forgets what is behind the first `size` bytes.
    void shorten(std::size_t size);

    // As libsodium takes them.
    [[nodiscard]] unsigned char* data() noexcept { return reinterpret_cast<unsigned char*>(memory_.get()); }
    [[nodiscard]] const unsigned char* data() const noexcept {
        return reinterpret_cast<const unsigned char*>(memory_.get());
    }

  private:
    struct Wipe {
        void operator()(std::byte* memory) const noexcept;
    };
    std::unique_ptr<std::byte, Wipe> memory_;
    std::size_t size_ = 0;
};

} // namespace cedana
