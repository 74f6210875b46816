// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/runtime_setup.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cedana::containers {
namespace {

constexpr const char* k_program = "/usr/bin/cedana-runtime";

TEST(RuntimeSetup, AddsARuntimeToDockersSettingsAndKeepsAllElse) {
    const std::string with =
        with_docker_runtime(R"({"log-driver": "local", "runtimes": {"nvidia": {"path": "/n"}}})", k_program);
    EXPECT_EQ(nlohmann::json::parse(with),
              nlohmann::json::parse(R"({"log-driver": "local", "runtimes": {"nvidia": {"path": "/n"},
                                        "cedana": {"path": "/usr/bin/cedana-runtime"}}})"));
    EXPECT_EQ(with_docker_runtime(with, k_program), with);
}

TEST(RuntimeSetup, MakesDockersSettings) {
    EXPECT_EQ(nlohmann::json::parse(with_docker_runtime("", k_program)),
              nlohmann::json::parse(R"({"runtimes": {"cedana": {"path": "/usr/bin/cedana-runtime"}}})"));
}

TEST(RuntimeSetup, LeavesSettingsThatItCannotRead) {
    for (const char* text : {"no JSON", "[]", R"({"runtimes": []})"})
        EXPECT_THROW(static_cast<void>(with_docker_runtime(text, k_program)), Error) << text;
}

TEST(RuntimeSetup, AddsARuntimeToContainerdsSettingsByTheirVersion) {
    const std::string old = with_containerd_runtime("version = 2\nroot = \"/r\"", k_program);
    EXPECT_EQ(old, "version = 2\nroot = \"/r\"\n\n"
                   "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.cedana]\n"
                   "  runtime_type = \"io.containerd.runc.v2\"\n"
                   "  [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.cedana.options]\n"
                   "    BinaryName = \"/usr/bin/cedana-runtime\"\n");
    EXPECT_EQ(with_containerd_runtime(old, k_program), old);
    EXPECT_THROW(static_cast<void>(with_containerd_runtime(old, "/elsewhere")), Error);
    EXPECT_NE(with_containerd_runtime("version = 3\n", k_program).find("io.containerd.cri.v1.runtime"),
              std::string::npos);
    EXPECT_TRUE(with_containerd_runtime("", k_program).starts_with("version = 2\n"));
}

} // namespace
} // namespace cedana::containers
