// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/network_lock.hpp"

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

// As CRIU 4.2 begins its log.
constexpr const char* k_log = "(00.000000) Version: 4.2.1 (gitid 0)\n"
                              "(00.000012) CRIU run id = 275fc136-5496-44cf-ad6f-0123456789ab\n"
                              "(00.000020) Running on host Linux 6.18\n";

TEST(NetworkLock, IsNamedAfterTheRunAndCutOffAsCriuCutsIt) {
    EXPECT_EQ(network_lock_of(k_log), "CRIU-275fc136-5496-44cf-ad");
}

TEST(NetworkLock, OfAShortIdIsWhole) { EXPECT_EQ(network_lock_of("CRIU run id = 4711\n"), "CRIU-4711"); }

TEST(NetworkLock, OfALogThatWasCutOffInTheNameOfTheRunIsUnknown) {
    EXPECT_EQ(network_lock_of("(00.000012) CRIU run id = "), std::nullopt);
}

TEST(NetworkLock, OfALogWithoutARunIsUnknown) {
    EXPECT_EQ(network_lock_of("(00.000000) Version: 3.17\n"), std::nullopt);
}

} // namespace
} // namespace cedana::criu
