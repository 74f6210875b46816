// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/lazy/supply.hpp"

#include <future>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

class Supplying : public test::InTempFolder {
  protected:
    // What somebody waits for, once it was asked for.
    ByteRange asked() { return asked_.get_future().get(); }

    const std::filesystem::path socket = path("pages");
    std::promise<ByteRange> asked_;
    std::optional<SupplyDesk> desk{std::in_place, socket, [this](ByteRange bytes) { asked_.set_value(bytes); }};
};

TEST_F(Supplying, AnswersAtOnceForWhatIsThere) {
    desk->came({.from = 10, .to = 20});
    desk->came({.from = 30, .to = 40});
    desk->came({.from = 20, .to = 30});
    const Supply supply(socket);
    supply.await({.from = 12, .to = 38});
    supply.await({.from = 10, .to = 40});
}

TEST_F(Supplying, AsksForWhatIsNotAndAnswersOnceAllOfItIs) {
    desk->came({.from = 0, .to = 10});
    auto waiting = std::async(std::launch::async, [&] { Supply(socket).await({.from = 5, .to = 20}); });
    const ByteRange wanted = asked();
    EXPECT_EQ(wanted.from, 5U);
    EXPECT_EQ(wanted.to, 20U);
    desk->came({.from = 15, .to = 20});
    desk->came({.from = 10, .to = 15});
    waiting.get();
}

TEST_F(Supplying, FailsWhoeverWaitsAndWhoeverComesLater) {
    auto waiting = std::async(std::launch::async, [&] { Supply(socket).await({.from = 5, .to = 20}); });
    static_cast<void>(asked());
    desk->fail();
    EXPECT_THROW(waiting.get(), Error);
    desk.reset();
    EXPECT_THROW(Supply{socket}, Error);
    EXPECT_FALSE(std::filesystem::exists(socket));
}

} // namespace
} // namespace cedana
