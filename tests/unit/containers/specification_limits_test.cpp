// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/containers/specification_limits.hpp"

#include <gtest/gtest.h>

namespace cedana::containers {
namespace {

using Ways = std::vector<std::string>;

SpecificationLimits limits() {
    return parse_limits(R"({"process": {"user": {"uid": 0, "gid": 0, "additionalGids": [5]},
                             "capabilities": {"bounding": ["CAP_CHOWN", "CAP_KILL"]}, "noNewPrivileges": true,
                             "apparmorProfile": "containers-default"},
                 "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO"},
                           "namespaces": [{"type": "network", "path": "/run/netns/x"}, {"type": "mount"}]}})");
}

criu::TaskRights task() {
    return {.users = {0},
            .groups = {0},
            .more_groups = {5},
            .capabilities = 0x21,
            .has_no_new_privileges = true,
            .has_seccomp_filter = true,
            .labels = {"containers-default"}};
}

TEST(SpecificationLimits, AreKeptByWhatTheyWereMadeFor) { EXPECT_EQ(beyond(limits(), task()), Ways{}); }

TEST(SpecificationLimits, AreExceededInEachWay) {
    const auto with = [](auto&& change) {
        criu::TaskRights rights = task();
        change(rights);
        return beyond(limits(), rights);
    };
    using Rights = criu::TaskRights;
    EXPECT_EQ(with([](Rights& one) { one.users.insert(1000); }), Ways{"is user 1000, where the container's is 0"});
    EXPECT_EQ(with([](Rights& one) { one.users.clear(); }), Ways{"has no user"});
    EXPECT_EQ(with([](Rights& one) { one.more_groups.insert(6); }), Ways{"is in group 6, where the container is not"});
    EXPECT_EQ(with([](Rights& one) { one.capabilities |= 1U << 21; }), Ways{"has the capability CAP_SYS_ADMIN"});
    EXPECT_EQ(with([](Rights& one) { one.has_no_new_privileges = false; }), Ways{"may get new privileges"});
    EXPECT_EQ(with([](Rights& one) { one.has_seccomp_filter = false; }),
              Ways{"has no filter of system calls (seccomp)"});
    EXPECT_EQ(with([](Rights& one) { one.labels = {}; }), Ways{"is confined by '' in place of 'containers-default'"});
    EXPECT_EQ(with([](Rights& one) { one = {.has_ended = true}; }), Ways{});
}

TEST(SpecificationLimits, LetRootWithTheCapabilityChangeItsUser) {
    const SpecificationLimits may = parse_limits(
        R"({"process": {"capabilities": {"bounding": ["CAP_SETUID", "CAP_SETGID"]}, "user": {"uid": 0}}})");
    EXPECT_EQ(beyond(may, {.users = {0, 33}, .groups = {33}, .more_groups = {4}}), Ways{});
    const SpecificationLimits other = parse_limits(
        R"({"process": {"capabilities": {"bounding": ["CAP_SETUID", "CAP_SETGID"]}, "user": {"uid": 33, "gid": 33}}})");
    EXPECT_EQ(beyond(other, {.users = {0}, .groups = {33}}), Ways{"is user 0, where the container's is 33"});
}

TEST(SpecificationLimits, WantTheNamespacesThatTheyName) {
    EXPECT_EQ(beyond(limits(), {{"net", 2}, {"mnt", 3}, {"pid", 1}}, {{"net", 1}, {"mnt", 1}, {"pid", 1}}), Ways{});
    EXPECT_EQ(beyond(limits(), {{"net", 1}, {"mnt", 0}}, {{"net", 1}, {"mnt", 1}}),
              (Ways{"lives in the host's mnt namespace", "lives in the host's net namespace"}));
}

TEST(SpecificationLimits, TellWhatIsUnusual) {
    EXPECT_EQ(unusual_rights(limits()), Ways{});
    EXPECT_EQ(unusual_rights(parse_limits(R"({"process": {"capabilities": {"bounding": ["CAP_SYS_ADMIN"]}}})")),
              (Ways{"the capability CAP_SYS_ADMIN", "no filter of system calls (seccomp)"}));
    EXPECT_THROW(static_cast<void>(parse_limits("[")), Error);
}

} // namespace
} // namespace cedana::containers
