// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/podman_description.hpp"

#include <gtest/gtest.h>

namespace cedana::containers {
namespace {

constexpr const char* k_namespaces =
    R"("linux": {"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}]})";

SmallFiles description(const std::string& config, const std::string& specification) {
    return {{"config.dump", "{" + config + "}"},
            {"spec.dump", "{" + specification + (specification.empty() ? "" : ", ") + k_namespaces + "}"}};
}

TEST(HostAccess, IsWhatIsMountedFromTheHost) {
    const HostAccess access =
        read_host_access(description(R"("namedVolumes": [{"volumeName": "vol"}])",
                                     R"("mounts": [{"type": "bind", "source": "/srv", "destination": "/a"},
                                  {"type": "none", "source": "/opt", "options": ["ro", "rbind"]},
                                  {"type": "tmpfs", "source": "tmpfs"},
                                  {"type": "bind", "source": "/s/overlay-containers/abc/userdata/hosts"},
                                  {"type": "bind", "source": "/s/overlay-containers/abc/userdata/../../../etc"},
                                  {"type": "bind", "source": "/s/volumes/vol/_data"}])"),
                         "abc");
    EXPECT_EQ(access.paths, (std::set<std::string>{"/opt", "/s/overlay-containers/abc/userdata/../../../etc", "/srv"}));
    EXPECT_TRUE(access.privileges.empty());
}

TEST(HostAccess, IsADevice) {
    SmallFiles files = description("", "");
    files["spec.dump"] = R"({"linux": {"devices": [{"path": "/dev/sda"}], "namespaces": [{"type": "mount"}]}})";
    const HostAccess access = read_host_access(files, "abc");
    EXPECT_EQ(access.paths, std::set<std::string>{"/dev/sda"});
    EXPECT_EQ(access.privileges.size(), 4U);
}

TEST(HostAccess, IsRefusedWhereItRunsProgramsOfTheHost) {
    EXPECT_THROW(
        static_cast<void>(read_host_access(description("", R"("hooks": {"prestart": [{"path": "/bin/sh"}]})"), "abc")),
        Error);
    EXPECT_THROW(
        static_cast<void>(read_host_access(description(R"("exitCommand": ["/bin/sh", "-c", "x"])", ""), "abc")), Error);
    EXPECT_THROW(static_cast<void>(read_host_access(description(R"("rootfs": "/")", ""), "abc")), Error);
    EXPECT_NO_THROW(static_cast<void>(read_host_access(
        description(R"("exitCommand": ["/usr/bin/podman", "container", "cleanup", "abc"], "hooks": {})", ""), "abc")));
}

TEST(HostAccess, IsRefusedWhereItCannotBeRead) {
    EXPECT_THROW(static_cast<void>(read_host_access({}, "abc")), Error);
    EXPECT_THROW(static_cast<void>(read_host_access({{"config.dump", "{"}, {"spec.dump", "{}"}}, "abc")), Error);
    EXPECT_THROW(
        static_cast<void>(read_host_access(description("", R"("mounts": [{"type": "bind", "source": 7}])"), "abc")),
        Error);
}

TEST(PodmanDescription, TakesAnotherRuntime) {
    SmallFiles description = {{"config.dump", R"({"id": "abc", "runtime": "crun", "name": "web"})"}};
    EXPECT_EQ(runtime_in(description), "crun");
    change_runtime(description, "runc");
    EXPECT_EQ(runtime_in(description), "runc");
    EXPECT_NE(description.at("config.dump").find("web"), std::string::npos);
    EXPECT_THROW(static_cast<void>(runtime_in({})), Error);
}

} // namespace
} // namespace cedana::containers
