// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/compatibility.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

struct Pair {
    const char* criu;
    const char* kernel;
    // Empty: no flaw is known.
    std::string_view mended_in;
};

void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.criu << " on " << pair.kernel; }

class KnownFlawOf : public ::testing::TestWithParam<Pair> {};

TEST_P(KnownFlawOf, IsToldWithTheReleaseThatMendsIt) {
    const auto flaw = known_flaw(GetParam().criu, GetParam().kernel);
    EXPECT_EQ(flaw ? flaw->mended_in : std::string_view(), GetParam().mended_in);
}

INSTANTIATE_TEST_SUITE_P(Pairs, KnownFlawOf,
                         ::testing::Values(Pair{"3.17.1", "6.12.9-amd64", ""}, Pair{"3.17.1", "6.13.0", "4.1"},
                                           Pair{"4.0", "6.13.0", "4.1"}, Pair{"4.1.1", "6.13.0", ""},
                                           Pair{"4.1.1", "6.16.0-rc1", "4.2"}, Pair{"4.2", "6.18.44-fc", ""},
                                           Pair{"5.0", "7.1", ""}, Pair{"4.1.1", "7.0.0", "4.2"}, Pair{"4", "6.18", ""},
                                           Pair{"4.1", "unknown", ""}, Pair{"", "", ""}));

} // namespace
} // namespace cedana::criu
