// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/systemd_unit.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

TEST(SystemdUnit, IsThatOfTheControlGroup) {
    EXPECT_EQ(systemd_unit("0::/system.slice/nginx.service\n").name, "nginx.service");
    EXPECT_EQ(systemd_unit("0::/system.slice/system-postgresql.slice/postgresql@17-main.service\n").name,
              "postgresql@17-main.service");
}

TEST(SystemdUnit, IsTheInnermostAboveGroupsOfItsOwn) {
    EXPECT_EQ(systemd_unit("0::/user.slice/user-1000.slice/user@1000.service/app.slice/job.service/worker\n").name,
              "job.service");
    EXPECT_EQ(systemd_unit("0::/user.slice/user-1000.slice/session-3.scope\n").name, "session-3.scope");
}

TEST(SystemdUnit, IsToldBySystemdsOwnHierarchyWhereThereAreOthers) {
    EXPECT_EQ(systemd_unit("4:memory:/a.service\n1:name=systemd:/system.slice/b.service\n0::/c.service\n").name,
              "b.service");
    EXPECT_EQ(systemd_unit("4:memory:/a.service\n0::/system.slice/c.service\n").name, "c.service");
}

TEST(SystemdUnit, OfAUserIsThatOfItsManager) {
    const SystemdUnit unit = systemd_unit("0::/user.slice/user-1000.slice/user@1000.service/app.slice/job.service\n");
    EXPECT_EQ(unit.user, "1000");
    EXPECT_TRUE(unit.is_service());
    EXPECT_EQ(systemd_unit("0::/user.slice/user-1000.slice/user@1000.service/init.scope\n").user, "1000");
    EXPECT_EQ(systemd_unit("0::/user.slice/user-1000.slice/session-3.scope\n").user, "");
    EXPECT_FALSE(systemd_unit("0::/user.slice/user-1000.slice/session-3.scope\n").is_service());
    EXPECT_EQ(systemd_unit("0::/system.slice/user@.service/a.service\n").user, "");
}

TEST(SystemdUnit, IsChangedByADropIn) {
    const std::string hint = drop_in_hint({.name = "a.service"}, "PrivateIPC=yes", "time");
    EXPECT_NE(hint.find("systemctl edit a.service"), std::string::npos);
    EXPECT_NE(hint.find("[Service] and PrivateIPC=yes"), std::string::npos);
    EXPECT_NE(drop_in_hint({.name = "a.service", .user = "1000"}, "A=b", "time").find("systemctl --user edit"),
              std::string::npos);
}

TEST(SystemdUnit, IsNoneOutsideOfOne) {
    EXPECT_EQ(systemd_unit("").name, "");
    EXPECT_EQ(systemd_unit("0::/\n").name, "");
    EXPECT_EQ(systemd_unit("0::/system.slice\n").name, "");
    EXPECT_EQ(systemd_unit("0::/.service\n").name, "");
    EXPECT_EQ(systemd_unit("4:memory:/a.service\n").name, "");
}

} // namespace
} // namespace cedana
