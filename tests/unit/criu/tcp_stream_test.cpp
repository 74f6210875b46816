// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/tcp_stream.hpp"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;

constexpr std::uint32_t k_tcp_stream = 0x51465506;

std::string stream(const std::string& unsent) {
    return testing::image(k_tcp_stream, {field(1, 0) + field(3, 5) + field(4, 77) + unsent});
}

TEST(TcpStream, HasUnsentDataIfTheImageSaysSo) {
    EXPECT_TRUE(has_unsent_data(stream(field(12, 2)) + "hello"));
    EXPECT_FALSE(has_unsent_data(stream(field(12, 0)) + "hello"));
    EXPECT_FALSE(has_unsent_data(stream("") + "hello"));
}

TEST(TcpStream, OfAnotherImageOrOneThatEndsTooEarlyIsRefused) {
    EXPECT_THROW(static_cast<void>(has_unsent_data(testing::image(0x56303138, {field(12, 2)}))), Error);
    const std::string whole = stream(field(12, 2));
    EXPECT_THROW(static_cast<void>(has_unsent_data(whole.substr(0, whole.size() - 1))), Error);
}

} // namespace
} // namespace cedana::criu
