// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/task_rights.hpp"

#include <gtest/gtest.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;

// images/core.proto, creds.proto.
std::string core_with(const std::string& creds, const std::string& more_of_thread = "", std::uint64_t state = 1) {
    return testing::image(testing::magic::core,
                          {field(3, field(1, state) + field(6, "sh")) + field(5, field(10, creds) + more_of_thread)});
}

TEST(TaskRights, AreThoseOfTheImage) {
    const TaskRights rights = parse_task_rights(
        core_with(field(1, 0U) + field(3, 1000U) + field(2, 5U) + field(14, 6U) + field(14, 7U) + field(11, 0x21U) +
                      field(11, 1U) + field(15, "containers-default") + field(18, 1U),
                  field(11, 2U)));
    EXPECT_EQ(rights.comm, "sh");
    EXPECT_EQ(rights.users, (std::set<std::uint64_t>{0, 1000}));
    EXPECT_EQ(rights.groups, (std::set<std::uint64_t>{5}));
    EXPECT_EQ(rights.more_groups, (std::set<std::uint64_t>{6, 7}));
    EXPECT_EQ(rights.capabilities, 0x100000021U);
    EXPECT_TRUE(rights.has_no_new_privileges);
    EXPECT_TRUE(rights.has_seccomp_filter);
    EXPECT_EQ(rights.labels, std::set<std::string>{"containers-default"});
    EXPECT_FALSE(rights.has_ended);
}

// Whichever of two CRIU's protobuf takes.
TEST(TaskRights, ThatAreSaidTwiceCountTwice) {
    const TaskRights rights = parse_task_rights(core_with(
        field(1, 0U) + field(1, 1000U) + field(9, std::string("\x01\x00\x02\x00", 4)) + field(18, 1U) + field(18, 0U),
        field(11, 2U) + field(11, 0U) + field(10, field(10, 4U))));
    EXPECT_EQ(rights.users, (std::set<std::uint64_t>{0, 1000}));
    EXPECT_EQ(rights.capabilities, 7U);
    EXPECT_FALSE(rights.has_no_new_privileges);
    EXPECT_FALSE(rights.has_seccomp_filter);
}

TEST(TaskRights, OfOneThatHasEndedSaySo) {
    EXPECT_TRUE(parse_task_rights(core_with("", "", 6)).has_ended);
    EXPECT_THROW(static_cast<void>(parse_task_rights("no image")), Error);
}

TEST(Namespaces, AreReadByTheirKind) {
    const std::string ids = testing::image(0x54432030, {field(5, 1U) + field(6, 2U) + field(9, 3U)});
    EXPECT_EQ(parse_namespaces(ids).at("net"), 2U);
    EXPECT_EQ(parse_namespaces(ids).at("mnt"), 3U);
    EXPECT_EQ(parse_namespaces(ids).at("uts"), 0U);
}

} // namespace
} // namespace cedana::criu
