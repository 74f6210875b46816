// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/console.hpp"

#include <gtest/gtest.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;

// images/tty.proto: a slave of devices 136:N, a master of 5:2.
std::string slave(std::uint64_t number, std::uint64_t session = 0) {
    return field(6, session) + field(8, 136U << 8 | number) + field(12, field(1, number)) + field(13, 0x7dU);
}
std::string master(std::uint64_t number) { return field(8, 5U << 8 | 2) + field(12, field(1, number)); }
std::string terminals(const std::vector<std::string>& messages) {
    return testing::image(testing::magic::terminals, messages);
}

TEST(Console, IsTheTerminalWhoseOtherEndIsOutside) {
    EXPECT_EQ(find_console(terminals({master(3), slave(3, 7), slave(0, 1)})), "tty[8800:7d]");
    EXPECT_EQ(find_console(terminals({slave(2), slave(1, 1)})), "tty[8801:7d]");
    EXPECT_EQ(find_console(terminals({slave(2), slave(1)})), "tty[8802:7d]");
}

TEST(Console, IsMissingWhereAllOtherEndsAreInTheTree) {
    EXPECT_EQ(find_console(terminals({slave(3, 7), master(3)})), std::nullopt);
    EXPECT_EQ(find_console(terminals({field(8, 5U << 8)})), std::nullopt);
    EXPECT_THROW(static_cast<void>(find_console("no image")), Error);
}

} // namespace
} // namespace cedana::criu
