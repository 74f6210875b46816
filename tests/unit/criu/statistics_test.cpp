// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/statistics.hpp"

#include <cstdint>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

using namespace std::string_literals;

std::string file_of(const std::string& message) {
    const std::uint32_t header[3] = {0x55105940, 0x57093306, static_cast<std::uint32_t>(message.size())};
    std::string file(sizeof header, '\0');
    std::memcpy(file.data(), header, sizeof header);
    return file + message;
}

// stats_entry { dump { freezing_time: 100, frozen_time: 300 } }
const std::string k_message = "\x0a\x05\x08\x64\x10\xac\x02"s;

TEST(DumpStatistics, TellHowLongTheTreeWasFrozen) {
    const auto statistics = parse_dump_statistics(file_of(k_message));
    ASSERT_TRUE(statistics);
    EXPECT_EQ(statistics->freezing, std::chrono::microseconds(100));
    EXPECT_EQ(statistics->frozen, std::chrono::microseconds(300));
}

TEST(DumpStatistics, AreAbsentInEveryTruncatedFile) {
    const std::string file = file_of(k_message);
    for (std::size_t length = 0; length < file.size(); ++length)
        EXPECT_FALSE(parse_dump_statistics(std::string_view(file).substr(0, length))) << length;
}

TEST(DumpStatistics, AreAbsentInAnotherKindOfFile) { EXPECT_FALSE(parse_dump_statistics(std::string(100, 'x'))); }

} // namespace
} // namespace cedana::criu
