// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/criu_arguments.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace cedana::containers {
namespace {

Container plain() {
    return {.engine = {.kind = EngineKind::podman, .program = "podman"},
            .record = {.engine = "podman", .id = "1", .name = "web"},
            .state = {.root = "/merged"},
            .inspection = {},
            .specification = {}};
}

SeenInside inside(const std::vector<std::string>& points) {
    SeenInside seen{
        .mounts = {},
        .resolve = [](const std::string& path) -> std::optional<std::string> {
            return path == "/var/run/secrets" ? std::optional<std::string>("/run/secrets") : std::nullopt;
        },
        .inode_of_namespace = [](const std::string& kind) -> std::uint64_t { return kind == "net" ? 7 : 8; }};
    for (const std::string& point : points)
        seen.mounts.push_back({.root = point.starts_with("/proc/") ? "/null" : "/", .path = point});
    return seen;
}

std::vector<std::string> externals(const std::vector<std::string>& arguments) {
    std::vector<std::string> found;
    for (std::size_t at = 1; at < arguments.size(); ++at)
        if (arguments[at - 1] == "--external")
            found.push_back(arguments[at]);
    return found;
}

TEST(CriuArguments, NameWhatIsMountedFromOutside) {
    Container container = plain();
    container.state.bind_mounts = {"/etc/hosts", "/var/run/secrets", "/not/there"};
    EXPECT_EQ(externals(criu_arguments(container, inside({"/", "/etc/hosts", "/run/secrets"}))),
              (std::vector<std::string>{"mnt[/etc/hosts]:/etc/hosts", "mnt[/run/secrets]:/run/secrets"}));
}

TEST(CriuArguments, CallWhatIsMaskedAsRuncDoes) {
    Container container = plain();
    container.state.masked = {"/proc/keys", "/sys/firmware"};
    EXPECT_EQ(externals(criu_arguments(container, inside({"/", "/proc/keys", "/sys/firmware"}))),
              std::vector<std::string>{"mnt[/proc/keys]:/dev/null"});
}

TEST(CriuArguments, NameTheControlGroupsThatAreMounted) {
    Container container = plain();
    container.state.cgroup_mounts = {"/sys/fs/cgroup"};
    EXPECT_EQ(externals(criu_arguments(container, inside({"/", "/sys/fs/cgroup", "/sys/fs/cgroup/cpu"}))),
              std::vector<std::string>{"mnt[/sys/fs/cgroup/cpu]:/sys/fs/cgroup/cpu"});
}

TEST(CriuArguments, LeaveANetworkOfTheEngineToIt) {
    Container container = plain();
    container.state.namespaces = {{"NEWNET", "/run/netns/a"}, {"NEWPID", ""}};
    EXPECT_EQ(externals(criu_arguments(container, inside({"/"}))), std::vector<std::string>{"net[7]:extRootNetNS"});
}

TEST(CriuArguments, LeaveTheNetworkOfDockerEmpty) {
    Container container = plain();
    container.engine.kind = EngineKind::docker;
    container.state.namespaces = {{"NEWNET", ""}};
    const std::vector<std::string> arguments = criu_arguments(container, inside({"/"}));
    EXPECT_EQ(std::ranges::count(arguments, "--empty-ns"), 1);
}

} // namespace
} // namespace cedana::containers
