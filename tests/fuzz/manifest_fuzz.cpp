// SPDX-License-Identifier: Apache-2.0
// The manifest of a checkpoint: what is accepted is written and read again, and is then the same. And what a listing
// takes of it.
#include "cedana/model/checkpoint_summary.hpp"
#include "cedana/model/manifest.hpp"

#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cedana;
    testing::try_out(Fault::internal, [&] { static_cast<void>(parse_summary(testing::text_of(data, size))); });
    testing::try_out(Fault::internal, [&] {
        const std::string once = write_manifest(parse_manifest(testing::text_of(data, size)));
        if (write_manifest(parse_manifest(once)) != once)
            std::abort();
    });
    return 0;
}
