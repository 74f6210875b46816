// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/created_restore.hpp"

#include <gtest/gtest.h>

namespace cedana::containers {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* k_had =
    R"({"mounts": [{"destination": "/proc"}, {"destination": "/data"}], "process": {"terminal": false}})";

TEST(CreatedRestore, NeedsWhatTheCheckpointsContainerHad) {
    EXPECT_EQ(missing_in(k_had, k_had), Texts{});
    EXPECT_EQ(missing_in(R"({"mounts": [{"destination": "/proc"}, {"destination": "/more"}]})", k_had), Texts{"/data"});
    EXPECT_EQ(missing_in(R"({"mounts": [{"destination": "/proc"}, {"destination": "/data"}],
                             "process": {"terminal": true}})",
                         k_had),
              Texts{"to have no terminal"});
    EXPECT_THROW(static_cast<void>(missing_in("", k_had)), Error);
    EXPECT_THROW(static_cast<void>(missing_in(k_had, "")), Error);
}

TEST(CreatedRestore, IsOrderedInOneWord) {
    const CreateOrder order =
        parse_create_order(write_create_order({.words = {"--root", "/r", "create", "web"}, .stdio = 10}));
    EXPECT_EQ(order.words, (Texts{"--root", "/r", "create", "web"}));
    EXPECT_EQ(order.stdio, 10);
    EXPECT_THROW(static_cast<void>(parse_create_order("web")), Error);
}

} // namespace
} // namespace cedana::containers
