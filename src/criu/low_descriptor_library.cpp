// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"

#include <cstddef>

#include <spdlog/spdlog.h>

#include "low_descriptor.hpp"
#include "program_in_memory.hpp"

namespace cedana::criu {

extern "C" {
// low_descriptor_library.S
extern const std::byte cedana_low_descriptor[];
extern const std::byte cedana_low_descriptor_end[];
}

UniqueFd low_descriptor_library() {
    try {
        return program_in_memory("cannot prepare a library for criu", "cedana-low-descriptor",
                                 {cedana_low_descriptor, cedana_low_descriptor_end});
    } catch (const Error& error) {
        spdlog::debug("{}", error.message());
        return {};
    }
}

} // namespace cedana::criu
