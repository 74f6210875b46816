// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/engine.hpp"

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include "unit/temp_folder.hpp"

namespace cedana::containers {
namespace {

class AskedEngine : public test::InTempFolder {
  protected:
    // Of one that fails, and says this.
    [[nodiscard]] std::optional<std::string> asked(EngineKind kind, const std::string& says) const {
        const std::filesystem::path program = write("engine", fmt::format("#!/bin/sh\necho '{}' >&2\nexit 1\n", says));
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        return ask_for({.kind = kind, .program = program.string()}, {"inspect", "web"});
    }
};

TEST_F(AskedEngine, SaysThatThereIsNone) {
    EXPECT_FALSE(asked(EngineKind::podman, "Error: inspecting object: no such container web"));
    EXPECT_FALSE(asked(EngineKind::podman, "Error: inspecting object: web: image not known"));
    EXPECT_FALSE(asked(EngineKind::docker, "Error: No such container: web"));
    EXPECT_FALSE(asked(EngineKind::docker, "Error response from daemon: network web not found"));
    EXPECT_FALSE(asked(EngineKind::containerd, R"(ctr: container "web" in namespace "default": not found)"));
    EXPECT_FALSE(asked(EngineKind::runc, "anything"));
}

TEST_F(AskedEngine, ThatDoesNotAnswerHasNotSaidNo) {
    EXPECT_THROW(static_cast<void>(asked(EngineKind::docker, "Cannot connect to the Docker daemon at unix:///run/a")),
                 Error);
    EXPECT_THROW(static_cast<void>(asked(EngineKind::docker, "failed to connect to the docker API: dial unix /run/a: "
                                                             "connect: no such file or directory")),
                 Error);
    EXPECT_THROW(static_cast<void>(asked(EngineKind::containerd, R"(ctr: failed to dial "/run/a": context deadline)")),
                 Error);
    EXPECT_THROW(static_cast<void>(asked(EngineKind::podman, "Error: database is locked")), Error);
}

} // namespace
} // namespace cedana::containers
