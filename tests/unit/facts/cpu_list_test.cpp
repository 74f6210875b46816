// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/cpu_list.hpp"

#include <gtest/gtest.h>

#include "unit/process/forked.hpp"

namespace cedana {
namespace {

TEST(CpuList, IsWrittenInRanges) {
    EXPECT_EQ(cpu_list({0b1'0000'1111}), "0-3,8");
    EXPECT_EQ(cpu_list({1UL << 63, 1}), "63-64");
    EXPECT_EQ(cpu_list({}), "");
}

TEST(CpuList, IsReadAsItIsWritten) {
    for (const char* text : {"0", "0-3,8", "63-64", "1,3,5,1023"})
        EXPECT_EQ(cpu_list(parse_cpu_list(text).value()), text);
}

TEST(CpuList, IsRefusedWhereItIsNone) {
    for (const char* text : {"", "a", "3-1", "-1", "0-", "100000", "1,,2"})
        EXPECT_EQ(parse_cpu_list(text), std::nullopt) << text;
}

TEST(Affinity, OfAThreadIsWhatItWasSetTo) {
    const testing::Forked child;
    ASSERT_TRUE(set_affinity(child.pid(), parse_cpu_list("0").value()));
    EXPECT_EQ(cpu_list(affinity_of(child.pid()).value()), "0");
}

TEST(WidestAffinity, IsFoundByOneWhoIsLimitedAndLeavesItSo) {
    const CpuSet before = affinity_of(0).value();
    const CpuSet widest = widest_affinity();
    ASSERT_TRUE(set_affinity(0, parse_cpu_list("0").value()));
    const CpuSet found = widest_affinity();
    const std::string own = cpu_list(affinity_of(0).value());
    set_affinity(0, before);
    EXPECT_EQ(found, widest);
    EXPECT_EQ(own, "0");
}

} // namespace
} // namespace cedana
