// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/docker_api.hpp"
#include "cedana/containers/docker_description.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cedana::containers {
namespace {

using Json = nlohmann::json;

constexpr const char* k_seen = R"([{
    "Id": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "Name": "/web", "Image": "sha256:c309",
    "Config": {"Image": "bb:1", "Hostname": "0123456789ab", "Cmd": ["/bin/counter"]},
    "HostConfig": {"Binds": ["/srv:/mnt:ro", "vol:/data"], "Runtime": "runc", "Memory": 64, "VolumesFrom": ["other"],
                   "Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/x"}], "Privileged": false,
                   "CapAdd": ["SYS_ADMIN"], "PidMode": "host", "SecurityOpt": null, "CgroupParent": "",
                   "Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse"}]},
    "NetworkSettings": {"Networks": {
        "net": {"IPAddress": "10.1.0.7", "GlobalIPv6Address": "", "Aliases": ["0123456789ab", "db"]},
        "bridge": {"IPAddress": "172.17.0.2"}}},
    "Mounts": [{"Type": "volume", "Name": "vol", "Destination": "/data", "RW": true},
               {"Type": "volume", "Name": "9f3a", "Destination": "/var/lib", "RW": false},
               {"Type": "bind", "Source": "/srv", "Destination": "/mnt"}]}])";

TEST(DockerDescription, IsMadeAgainWithItsLimitsByAnotherRuntime) {
    const Json body = Json::parse(read_docker_request(k_seen, "cedana", "bb:1").body);
    EXPECT_EQ(body.at("Cmd"), Json({"/bin/counter"}));
    EXPECT_EQ(body.at("Image"), "bb:1");
    EXPECT_EQ(body.at("HostConfig").at("Runtime"), "cedana");
    EXPECT_EQ(body.at("HostConfig").at("Memory"), 64);
}

TEST(DockerDescription, NamesVolumesThatItsUserDidNotName) {
    const DockerRequest request = read_docker_request(k_seen, "cedana", "bb:1");
    const Json host = Json::parse(request.body).at("HostConfig");
    EXPECT_EQ(host.at("Binds"), Json({"/srv:/mnt:ro", "vol:/data", "9f3a:/var/lib:ro"}));
    EXPECT_TRUE(host.at("VolumesFrom").is_null());
    EXPECT_EQ(request.volumes, (std::vector<std::string>{"vol", "9f3a"}));
}

TEST(DockerDescription, AsksForTheAddressInNetworksThatAreNotDockersOwn) {
    const DockerRequest request = read_docker_request(k_seen, "cedana", "bb:1");
    ASSERT_EQ(request.endpoints.size(), 1U);
    const DockerEndpoint& endpoint = request.endpoints.front();
    EXPECT_EQ(endpoint.network, "net");
    const Json config = Json::parse(endpoint.with_address);
    EXPECT_EQ(config.at("IPAMConfig"), Json({{"IPv4Address", "10.1.0.7"}}));
    // The short id is an alias of docker's own making.
    EXPECT_EQ(config.at("Aliases"), Json({"db"}));
    EXPECT_FALSE(Json::parse(endpoint.plain).contains("IPAMConfig"));
}

TEST(DockerDescription, TellsWhatTheContainerWouldHaveOfTheHost) {
    const HostAccess access = read_docker_access(k_seen);
    EXPECT_EQ(access.paths, (std::set<std::string>{"/srv", "/etc", "/dev/fuse"}));
    EXPECT_EQ(access.privileges, (std::set<std::string>{"added capabilities", "the host's pid namespace"}));
}

TEST(DockerDescription, IsRefusedWhereItCannotBeRead) {
    for (const char* text : {"", "[]", "{}", R"([{"Config": {}}])", R"([{"HostConfig": {"Binds": [7]}}])"})
        EXPECT_THROW(static_cast<void>(read_docker_access(text)), Error) << text;
}

TEST(DockerApi, ReadsAnAnswer) {
    const HttpAnswer answer = parse_http_answer("HTTP/1.0 201 Created\r\nA: b\r\n\r\n{\"Id\": \"1\"}");
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.body, "{\"Id\": \"1\"}");
    EXPECT_THROW(static_cast<void>(parse_http_answer("SSH-2.0-x\r\n\r\n")), Error);
    EXPECT_THROW(static_cast<void>(parse_http_answer("")), Error);
}

} // namespace
} // namespace cedana::containers
