// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/runtime_call.hpp"

#include <gtest/gtest.h>

namespace cedana::containers {
namespace {

using Words = std::vector<std::string>;

const Words k_of_containerd = {"--root",   "/run/r", "--log",      "/b/log.json", "--log-format",   "json", "create",
                               "--bundle", "/b",     "--pid-file", "/b/init.pid", "--preserve-fds", "2",    "web"};

TEST(RuntimeCall, FindsCommandBundleAndId) {
    const RuntimeCall call = parse_runtime_call(k_of_containerd);
    EXPECT_EQ(call.command, "create");
    EXPECT_EQ(call.bundle, "/b");
    EXPECT_EQ(call.id, "web");
    EXPECT_EQ(call.global, (Words{"--root", "/run/r", "--log", "/b/log.json", "--log-format", "json"}));
}

TEST(RuntimeCall, TakesAValueBehindAnEqualsSign) {
    const RuntimeCall call = parse_runtime_call({"--log-format=json", "create", "--bundle=/b", "web"});
    EXPECT_EQ(call.bundle, "/b");
    EXPECT_EQ(call.global, Words{"--log-format=json"});
}

TEST(RuntimeCall, HasNoCommandWhereNoneIsGiven) {
    EXPECT_EQ(parse_runtime_call({"--version"}).command, "");
    EXPECT_EQ(parse_runtime_call({}).command, "");
    EXPECT_EQ(parse_runtime_call({"features"}).id, "");
}

TEST(RuntimeCall, RestoresWithTheOptionsThatRestoreHas) {
    EXPECT_EQ(
        restore_words(parse_runtime_call(k_of_containerd), {.images = "/w/i", .work = "/w/w"}),
        (Words{"--root", "/run/r", "--log", "/b/log.json", "--log-format", "json", "restore", "--detach",
               "--image-path", "/w/i", "--work-path", "/w/w", "--bundle", "/b", "--pid-file", "/b/init.pid", "web"}));
}

TEST(RuntimeCall, LeavesTheNetworkToAHook) {
    const Words words = restore_words(parse_runtime_call({"create", "--no-pivot", "web"}),
                                      {.images = "/i", .work = "/w", .empty_network = true});
    EXPECT_EQ(words, (Words{"restore", "--detach", "--image-path", "/i", "--work-path", "/w", "--empty-ns", "network",
                            "--no-pivot", "web"}));
}

} // namespace
} // namespace cedana::containers
