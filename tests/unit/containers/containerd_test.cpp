// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/containerd.hpp"

#include <gtest/gtest.h>

namespace cedana::containers {
namespace {

// Of `ctr run --runc-binary /usr/sbin/runc` of containerd 1.6.20, shortened.
constexpr const char* k_info = R"({"ID": "web", "Image": "localhost/counter:1",
    "Runtime": {"Name": "io.containerd.runc.v2",
                "Options": {"type_url": "containerd.runc.v1.Options", "value": "Mg4vdXNyL3NiaW4vcnVuYw=="}},
    "Spec": {"process": {"args": ["/bin/counter"]},
             "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                        {"destination": "/mnt", "type": "bind", "source": "/srv", "options": ["rbind", "ro"]}]}})";

TEST(Containerd, NamesAContainerInANamespace) {
    EXPECT_EQ(parse_containerd_name("web")->text(), "web");
    EXPECT_EQ(parse_containerd_name("web")->space, "default");
    EXPECT_EQ(parse_containerd_name("k8s.io/web")->text(), "k8s.io/web");
    EXPECT_EQ(in_space(*parse_containerd_name("k8s.io/web"), {"tasks", "list"}),
              (std::vector<std::string>{"--namespace", "k8s.io", "tasks", "list"}));
    for (const char* name : {"", "/web", "a/b/c", "--help", "../web"})
        EXPECT_FALSE(parse_containerd_name(name)) << name;
}

TEST(Containerd, SaysWhatRuns) {
    constexpr const char* k_table = "TASK    PID      STATUS    \nother   12       RUNNING\nweb     27460    STOPPED\n";
    const auto task = parse_task(k_table, "web");
    ASSERT_TRUE(task);
    EXPECT_EQ(task->pid, 27460);
    EXPECT_EQ(task->status, "stopped");
    EXPECT_FALSE(parse_task(k_table, "we"));
    EXPECT_FALSE(parse_task("", "web"));
}

TEST(Containerd, SaysWhereItsFilesAre) {
    const ContainerdSnapshot snapshot = snapshot_of_containerd(R"({"SnapshotKey": "web", "Snapshotter": "overlayfs"})");
    EXPECT_EQ(snapshot.snapshotter, "overlayfs");
    EXPECT_EQ(snapshot.key, "web");
    EXPECT_EQ(snapshot_of_containerd(k_info).key, "");
    EXPECT_EQ(upper_in_mount(
                  "mount -t overlay overlay /x -o index=off,workdir=/s/8/work,upperdir=/s/8/fs,lowerdir=/s/7/fs\n"),
              "/s/8/fs");
    EXPECT_EQ(upper_in_mount("mount -t bind /s/8/fs /x -o rw,rbind\n"), "");
    EXPECT_EQ(upper_in_mount(""), "");
}

TEST(Containerd, SaysWhatAContainerIs) {
    const Inspection seen = parse_containerd({.space = "default", .id = "web"}, k_info);
    EXPECT_EQ(seen.record.engine, "containerd");
    EXPECT_EQ(seen.record.name, "web");
    EXPECT_EQ(seen.record.runtime, "runc");
    EXPECT_EQ(seen.record.image, "localhost/counter:1");
    EXPECT_EQ(seen.record.mounts,
              (std::vector<ContainerMount>{
                  {.destination = "/mnt", .kind = MountSource::host, .source = "/srv", .read_only = true}}));
    EXPECT_EQ(runtime_of_containerd(k_info), "/usr/sbin/runc");
    EXPECT_EQ(runtime_of_containerd(R"({"Runtime": {"Name": "io.containerd.runc.v2"}})"), "");
}

TEST(Containerd, IsRefusedWhereItCannotBeRead) {
    for (const char* info : {"", "{}", R"({"Runtime": 7})"})
        EXPECT_THROW(static_cast<void>(parse_containerd({.space = "default", .id = "web"}, info)), Error) << info;
}

} // namespace
} // namespace cedana::containers
