// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/image_file.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using namespace std::string_view_literals;
using testing::image;
using testing::number;

constexpr std::uint32_t k_pipes_data = 0x56453709;

template <typename Read>
Fault fault_of(Read read) {
    try {
        read();
    } catch (const Error& error) {
        return error.fault();
    }
    return Fault::usage;
}

TEST(ImageFile, GivesItsMessagesInTheirOrder) {
    const std::string bytes = image(k_pipes_data, {"one", "", "three"});
    ImageReader reader(bytes, ImageKind::pipes_data);
    EXPECT_EQ(reader.next(), "one");
    EXPECT_EQ(reader.next(), "");
    EXPECT_FALSE(reader.at_end());
    EXPECT_EQ(reader.next(), "three");
    EXPECT_TRUE(reader.at_end());
}

TEST(ImageFile, MayHaveBytesBehindAMessage) {
    const std::string bytes = image(k_pipes_data, {"one"}) + "bytes" + number(3) + "two";
    ImageReader reader(bytes, ImageKind::pipes_data);
    EXPECT_EQ(reader.next(), "one");
    EXPECT_EQ(reader.payload(5), "bytes");
    EXPECT_EQ(reader.next(), "two");
}

TEST(ImageFile, IsWrittenAsItWasRead) {
    const std::string bytes = image(k_pipes_data, {"one"}) + "bytes" + number(0);
    ImageWriter writer(ImageKind::pipes_data);
    writer.add("one", "bytes");
    writer.add("");
    EXPECT_EQ(writer.bytes(), bytes);
}

TEST(ImageFile, OfTheServiceKindBeginsInAnotherWay) {
    EXPECT_EQ(ImageWriter(ImageKind::statistics).bytes(), number(0x55105940) + number(0x57093306));
    EXPECT_EQ(fault_of([] { ImageReader(image(0x57093306, {}), ImageKind::statistics); }), Fault::checkpoint);
}

TEST(ImageFile, OfAnotherKindIsRefused) {
    EXPECT_EQ(fault_of([] { ImageReader(image(k_pipes_data, {}), ImageKind::mm); }), Fault::checkpoint);
}

TEST(ImageFile, WithAMessageThatIsLongerThanTheFileIsRefused) {
    for (const std::uint32_t length : {6U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
        const std::string bytes = image(k_pipes_data, {}) + number(length) + "short";
        ImageReader reader(bytes, ImageKind::pipes_data);
        EXPECT_EQ(fault_of([&] { static_cast<void>(reader.next()); }), Fault::checkpoint) << length;
    }
}

TEST(ImageFile, WithLessBehindAMessageThanThatSaysIsRefused) {
    const std::string bytes = image(k_pipes_data, {"one"}) + "bytes";
    ImageReader reader(bytes, ImageKind::pipes_data);
    static_cast<void>(reader.next());
    EXPECT_EQ(fault_of([&] { static_cast<void>(reader.payload(0xFFFFFFFFFFFFFFFF)); }), Fault::checkpoint);
}

} // namespace
} // namespace cedana::criu
