// SPDX-License-Identifier: Apache-2.0
// What comes from the other host of a migration.
#include "cedana/migration/frame.hpp"
#include "cedana/migration/messages.hpp"
#include "cedana/migration/record.hpp"

#include <algorithm>

#include "fuzz/fuzz.hpp"

namespace {

void parse_as(unsigned parser, std::string_view text) {
    using namespace cedana::migration;
    switch (parser) {
    case 0: {
        Header header{};
        std::ranges::transform(text.substr(0, header.size()), header.begin(), [](char c) { return std::byte(c); });
        return static_cast<void>(parse_header(header, Side::source));
    }
    case 1:
        return static_cast<void>(parse_hello(text));
    case 2:
        return static_cast<void>(parse_offer(text));
    case 3:
        return static_cast<void>(parse_answer(text));
    case 4:
        return static_cast<void>(parse_ended(text));
    case 5:
        return static_cast<void>(parse_data(text));
    case 6:
        return static_cast<void>(parse_begin(text));
    case 7:
        return static_cast<void>(parse_record(text));
    case 8:
        return static_cast<void>(parse_want(text));
    case 9:
        return static_cast<void>(parse_ahead(text));
    case 10:
        return static_cast<void>(parse_repeat(text));
    case 11:
        return static_cast<void>(parse_files(text));
    default:
        return static_cast<void>(parse_runs(text));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cedana;
    const testing::Chosen chosen = testing::choose(data, size, 13);
    testing::try_out(Fault::internal, [&] { parse_as(chosen.parser, chosen.text); });
    return 0;
}
