// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/container.hpp"

#include <gtest/gtest.h>

namespace cedana::containers {
namespace {

constexpr const char* k_podman = R"([{
    "Id": "4e87", "Name": "web", "Image": "c309", "ImageName": "localhost/bb:1", "OCIRuntime": "/usr/sbin/runc", "Pod": "",
    "State": {"Status": "running", "Pid": 42},
    "Config": {"Tty": false},
    "HostConfig": {"AutoRemove": true, "RestartPolicy": {"Name": "always"}, "NetworkMode": "bridge"},
    "NetworkSettings": {"Networks": {"podman": {"IPAddress": "10.88.0.2", "MacAddress": "aa:bb"}}},
    "Mounts": [{"Type": "bind", "Source": "/srv", "Destination": "/data", "RW": false},
               {"Type": "volume", "Name": "vol1", "Source": "/x/vol1/_data", "Destination": "/v", "RW": true}]}])";

constexpr const char* k_docker = R"([{
    "Id": "4e87", "Name": "/web", "Image": "sha256:c309",
    "State": {"Status": "paused", "Pid": 43},
    "Config": {"Tty": true, "Image": "bb:1"},
    "HostConfig": {"AutoRemove": false, "RestartPolicy": {"Name": "no"}, "NetworkMode": "container:77", "Runtime": "runc"},
    "NetworkSettings": {"Networks": null}, "Mounts": []}])";

TEST(Inspection, OfPodman) {
    const Inspection seen = parse_inspection(EngineKind::podman, k_podman);
    EXPECT_EQ(seen.pid, 42);
    EXPECT_EQ(seen.status, "running");
    const ContainerRecord& record = seen.record;
    EXPECT_EQ(record.name, "web");
    EXPECT_EQ(record.runtime, "runc");
    EXPECT_EQ(record.image, "localhost/bb:1");
    EXPECT_EQ(record.image_id, "c309");
    EXPECT_EQ(record.restart_policy, "always");
    EXPECT_TRUE(record.removed_at_end);
    ASSERT_EQ(record.networks.size(), 1U);
    EXPECT_EQ(record.networks.front().address, "10.88.0.2");
    ASSERT_EQ(record.mounts.size(), 2U);
    EXPECT_EQ(record.mounts[0].kind, MountSource::host);
    EXPECT_TRUE(record.mounts[0].read_only);
    EXPECT_EQ(record.mounts[1].kind, MountSource::volume);
    EXPECT_EQ(record.mounts[1].source, "vol1");
}

TEST(Inspection, OfDocker) {
    const Inspection seen = parse_inspection(EngineKind::docker, k_docker);
    EXPECT_EQ(seen.record.name, "web");
    EXPECT_EQ(seen.record.image, "bb:1");
    EXPECT_EQ(seen.status, "paused");
    EXPECT_TRUE(seen.record.has_terminal);
    EXPECT_EQ(seen.shared_network, "container:77");
}

TEST(Inspection, IsRefusedWhereItIsNone) {
    for (const char* text : {"", "[]", "{}", "nothing"})
        EXPECT_THROW(static_cast<void>(parse_inspection(EngineKind::podman, text)), Error) << text;
}

TEST(ContainerId, IsTheOneOfTheControlGroup) {
    const std::string id(64, 'a');
    EXPECT_EQ(container_id_in("0::/libpod_parent/libpod-" + id + "\n"), id);
    EXPECT_EQ(container_id_in("4:memory:/docker/" + id), id);
    EXPECT_EQ(container_id_in("0::/user.slice/session-1.scope\n"), "");
}

} // namespace
} // namespace cedana::containers
