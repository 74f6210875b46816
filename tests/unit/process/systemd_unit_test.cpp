// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/systemd_unit.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

TEST(SystemdUnit, IsThatOfTheControlGroup) {
    EXPECT_EQ(systemd_unit("0::/system.slice/nginx.service\n"), "nginx.service");
    EXPECT_EQ(systemd_unit("0::/system.slice/system-postgresql.slice/postgresql@17-main.service\n"),
              "postgresql@17-main.service");
}

TEST(SystemdUnit, IsTheInnermostAboveGroupsOfItsOwn) {
    EXPECT_EQ(systemd_unit("0::/user.slice/user-1000.slice/user@1000.service/app.slice/job.service/worker\n"),
              "job.service");
    EXPECT_EQ(systemd_unit("0::/user.slice/user-1000.slice/session-3.scope\n"), "session-3.scope");
}

TEST(SystemdUnit, IsToldBySystemdsOwnHierarchyWhereThereAreOthers) {
    EXPECT_EQ(systemd_unit("4:memory:/a.service\n1:name=systemd:/system.slice/b.service\n0::/c.service\n"),
              "b.service");
    EXPECT_EQ(systemd_unit("4:memory:/a.service\n0::/system.slice/c.service\n"), "c.service");
}

TEST(SystemdUnit, IsNoneOutsideOfOne) {
    EXPECT_EQ(systemd_unit(""), "");
    EXPECT_EQ(systemd_unit("0::/\n"), "");
    EXPECT_EQ(systemd_unit("0::/system.slice\n"), "");
    EXPECT_EQ(systemd_unit("0::/.service\n"), "");
    EXPECT_EQ(systemd_unit("4:memory:/a.service\n"), "");
}

} // namespace
} // namespace cedana
