// SPDX-License-Identifier: Apache-2.0
// Memory that does not compress, and of which every word can be checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

class KnownMemory {
  public:
    // The words stay the caller's.
    KnownMemory(std::span<std::uint64_t> words, std::uint64_t seed) : words_(words), seed_(seed) {
        for (std::size_t i = 0; i < words_.size(); ++i)
            words_[i] = expected(i);
    }

    [[nodiscard]] bool is_right(std::size_t from, std::size_t count) const {
        for (std::size_t i = from; i < from + count && i < words_.size(); ++i)
            if (words_[i] != expected(i))
                return false;
        return true;
    }
    [[nodiscard]] bool is_right() const { return is_right(0, words_.size()); }
    [[nodiscard]] std::size_t size() const { return words_.size(); }

  private:
    // splitmix64
    [[nodiscard]] std::uint64_t expected(std::size_t i) const {
        std::uint64_t z = seed_ + (i + 1) * 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
    }

    std::span<std::uint64_t> words_;
    std::uint64_t seed_;
};
