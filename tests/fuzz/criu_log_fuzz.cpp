// SPDX-License-Identifier: Apache-2.0
// CRIU's logs, in which names and paths of the dumped program stand.
#include "cedana/base/text.hpp"
#include "cedana/criu/diagnose.hpp"

#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cedana;
    const criu::Diagnosis diagnosis = criu::diagnose(testing::text_of(data, size));
    // It goes to a terminal: nothing in it may steer one, and a line end stands only between lines.
    for (const std::string& text : {diagnosis.cause, diagnosis.hint})
        for (const std::string& line : split(text, '\n'))
            if (printable(line) != line)
                std::abort();
    return 0;
}
