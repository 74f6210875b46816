// SPDX-License-Identifier: Apache-2.0
// What the fuzzers share. A parser may refuse any input with an Error; what is found wrong is a crash, undefined
// behaviour, a hang, memory without end, an exception of another kind, or an Error that says the fault is cedana's.
#pragma once

#include "cedana/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace cedana::testing {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// Runs `work`, which may throw an Error of any fault but `never`.
template <typename Work>
void try_out(Fault never, Work&& work) {
    try {
        work();
    } catch (const Error& error) {
        if (error.fault() == never)
            std::abort();
    }
}

// The first byte of an input chooses between the parsers of a fuzzer.
struct Chosen {
    unsigned parser = 0;
    std::string_view text;
};

inline Chosen choose(const std::uint8_t* data, std::size_t size, unsigned parsers) {
    if (size == 0)
        return {};
    return {.parser = data[0] % parsers, .text = text_of(data + 1, size - 1)};
}

} // namespace cedana::testing
