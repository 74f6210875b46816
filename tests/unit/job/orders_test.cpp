// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/job/orders.hpp"
#include "cedana/job/state.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "unit/job/own_folder.hpp"

namespace cedana::job {
namespace {

namespace fs = std::filesystem;

class Orders : public ::testing::Test {
  protected:
    Orders() { fs::create_directory(folder.path() / k_orders); }
    testing::OwnFolder folder;
};

TEST_F(Orders, AreTakenOnceInTheirOrder) {
    const Order first = give_order(folder.path(), OrderKind::checkpoint);
    const Order second = give_order(folder.path(), OrderKind::stop);
    EXPECT_TRUE(is_waiting(folder.path(), first));
    const std::vector<Order> taken = take_orders(folder.path());
    EXPECT_FALSE(is_waiting(folder.path(), first));
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].id, first.id);
    EXPECT_EQ(taken[0].kind, OrderKind::checkpoint);
    EXPECT_EQ(taken[1].id, second.id);
    EXPECT_TRUE(take_orders(folder.path()).empty());
}

TEST_F(Orders, AreAnsweredOnce) {
    const Order order = give_order(folder.path(), OrderKind::checkpoint);
    EXPECT_EQ(take_answer(folder.path(), order), std::nullopt);
    answer_order(folder.path(), order, {{"checkpoint", "/a.zip"}});
    const auto answer = take_answer(folder.path(), order);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->at("checkpoint"), "/a.zip");
    EXPECT_EQ(take_answer(folder.path(), order), std::nullopt);
}

TEST_F(Orders, CanBeTakenBackUntilSomebodyHasThem) {
    const Order order = give_order(folder.path(), OrderKind::stop_now);
    EXPECT_TRUE(take_back(folder.path(), order));
    EXPECT_TRUE(take_orders(folder.path()).empty());
}

TEST_F(Orders, ThatAreNoneAreRemoved) {
    replace_file(folder.path() / k_orders / "x.order", "no json");
    EXPECT_TRUE(take_orders(folder.path()).empty());
    EXPECT_TRUE(fs::is_empty(folder.path() / k_orders));
}

} // namespace
} // namespace cedana::job
