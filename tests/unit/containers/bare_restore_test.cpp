// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/bare_restore.hpp"

#include <gtest/gtest.h>

namespace cedana::containers {
namespace {

TEST(BareRestore, FindsTheBundleInWhatTheRuntimeSays) {
    EXPECT_EQ(bundle_in_state(R"({"id": "web", "pid": 42, "bundle": "/srv/web"})"), "/srv/web");
    EXPECT_EQ(bundle_in_state(R"({"id": "web"})"), "");
    EXPECT_THROW(static_cast<void>(bundle_in_state("no JSON")), Error);
}

TEST(BareRestore, KnowsWhetherTheContainerWroteToPipesOfOthers) {
    EXPECT_TRUE(had_pipes(R"(["/dev/null", "pipe:[7]", "pipe:[8]"])"));
    EXPECT_FALSE(had_pipes(R"(["/dev/null", "/var/log/web", "/var/log/web"])"));
    EXPECT_FALSE(had_pipes("null"));
}

} // namespace
} // namespace cedana::containers
