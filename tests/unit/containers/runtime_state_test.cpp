// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/runtime_state.hpp"

#include <gtest/gtest.h>

namespace cedana::containers {
namespace {

// As runc 1.1.5 writes it for podman, cut to what is read.
constexpr const char* k_state = R"({
    "id": "abc", "init_process_pid": 42, "init_process_start": 777,
    "config": {
        "rootfs": "/store/merged",
        "mounts": [
            {"device": "proc", "destination": "/proc", "source": "proc"},
            {"device": "bind", "destination": "/etc/hosts", "source": "/run/hosts"},
            {"device": "bind", "destination": "/store/merged/dev/shm", "source": "/run/shm"},
            {"device": "cgroup", "destination": "/sys/fs/cgroup", "source": "cgroup"}],
        "mask_paths": ["/proc/keys"],
        "devices": [{"path": "/dev/null"}],
        "namespaces": [{"type": "NEWNET", "path": "/run/netns/a"}, {"type": "NEWPID", "path": ""}],
        "labels": ["a=b", "bundle=/store/bundle"]},
    "external_descriptors": ["/dev/null", "pipe:[1]", "pipe:[2]"]})";

TEST(RuntimeState, IsWhatRuncKeeps) {
    const RuntimeState state = parse_runtime_state(k_state);
    EXPECT_EQ(state.pid, 42);
    EXPECT_EQ(state.start_time, 777U);
    EXPECT_EQ(state.root, "/store/merged");
    EXPECT_EQ(state.bundle, "/store/bundle");
    EXPECT_EQ(state.bind_mounts, (std::vector<std::string>{"/etc/hosts", "/dev/shm"}));
    EXPECT_EQ(state.cgroup_mounts, std::vector<std::string>{"/sys/fs/cgroup"});
    EXPECT_EQ(state.masked, std::vector<std::string>{"/proc/keys"});
    EXPECT_EQ(state.devices, std::vector<std::string>{"/dev/null"});
    EXPECT_EQ(state.namespaces.at("NEWNET"), "/run/netns/a");
    EXPECT_EQ(state.external_descriptors, R"(["/dev/null","pipe:[1]","pipe:[2]"])");
}

// As crun 1.8.1 writes them for podman, cut to what is read.
constexpr const char* k_crun_status = R"({"pid": 42, "process-start-time": 777, "rootfs": "/store/merged",
    "bundle": "/store/bundle", "external_descriptors": "[\"/dev/null\",\"pipe:[1]\",\"pipe:[2]\"]"})";
constexpr const char* k_crun_config = R"({
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
               {"destination": "/etc/hosts", "type": "bind", "source": "/run/hosts"},
               {"destination": "/mnt", "type": "none", "source": "/srv", "options": ["ro", "rbind"]},
               {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}],
    "linux": {"namespaces": [{"type": "network", "path": "/run/netns/a"}, {"type": "pid"}, {"type": "mount"}],
              "devices": [{"path": "/dev/fuse"}], "maskedPaths": ["/proc/keys"]}})";

TEST(RuntimeState, IsWhatCrunKeeps) {
    const RuntimeState state = parse_crun_state("abc", k_crun_status, k_crun_config);
    EXPECT_EQ(state.pid, 42);
    EXPECT_EQ(state.start_time, 777U);
    EXPECT_EQ(state.root, "/store/merged");
    EXPECT_EQ(state.bind_mounts, (std::vector<std::string>{"/etc/hosts", "/mnt"}));
    EXPECT_EQ(state.cgroup_mounts, std::vector<std::string>{"/sys/fs/cgroup"});
    EXPECT_EQ(state.masked, std::vector<std::string>{"/proc/keys"});
    EXPECT_EQ(state.devices, std::vector<std::string>{"/dev/fuse"});
    EXPECT_EQ(state.namespaces,
              (std::map<std::string, std::string>{{"NEWNET", "/run/netns/a"}, {"NEWPID", ""}, {"NEWNS", ""}}));
    EXPECT_EQ(state.external_descriptors, R"(["/dev/null","pipe:[1]","pipe:[2]"])");
    EXPECT_THROW(static_cast<void>(parse_crun_state("abc", "{}", k_crun_config)), Error);
    EXPECT_THROW(static_cast<void>(parse_crun_state("abc", k_crun_status, "")), Error);
}

TEST(RuntimeState, IsRefusedWhereItIsNone) {
    for (const char* text : {"", "{}", "[1]", R"({"id": 7})"})
        EXPECT_THROW(static_cast<void>(parse_runtime_state(text)), Error) << text;
}

TEST(RuntimeState, IsLookedForUnderAPlainNameAlone) {
    EXPECT_TRUE(is_plain_name("web-1.a_b"));
    for (const char* name : {"", "../x", "a/b", ".hidden", "-f", "a b"})
        EXPECT_FALSE(is_plain_name(name)) << name;
    EXPECT_TRUE(find_runtime_states("../../etc").empty());
}

} // namespace
} // namespace cedana::containers
