// SPDX-License-Identifier: Apache-2.0
#include "cedana/host/unit_drop_in.hpp"

#include <gtest/gtest.h>

#include "support/assertions.hpp"

namespace cedana {
namespace {

using testing::holds;

DropInWords words() {
    return {.unit = {.name = "a.service"},
            .placeholder = "/p/placeholder",
            .cedana = "/usr/bin/cedana",
            .arguments = {"--checkpoint", "/store/a 100%.zip"}};
}

TEST(DropIn, StartsThePlaceholderInTheSandboxAndTheRestoreOutside) {
    const std::string text = drop_in_text(words());
    EXPECT_TRUE(holds(text, "\nExecStart=\nExecStart=/p/placeholder\n"));
    EXPECT_TRUE(holds(text, "\nExecStartPost=\nExecStartPost=+/usr/bin/cedana unit --bring-back \"--checkpoint\" "
                            "\"/store/a 100%%.zip\" \"a.service\"\n"));
    EXPECT_TRUE(holds(text, "\nNotifyAccess=exec\n"));
    EXPECT_FALSE(holds(text, "ExecPaths="));
    EXPECT_FALSE(holds(text, "BindReadOnlyPaths="));
}

TEST(DropIn, LetsThePlaceholderRunWhereTheSandboxAllowsNoOther) {
    DropInWords strict = words();
    strict.sandbox = {.no_exec_paths = "/", .hidden_folders = "/usr"};
    EXPECT_TRUE(holds(drop_in_text(strict), "\nExecPaths=/p/placeholder\n"));
    EXPECT_TRUE(holds(drop_in_text(strict), "\nBindReadOnlyPaths=/p/placeholder\n"));
}

TEST(DropIn, OfAUserHasNoRestoreInIt) {
    DropInWords of_user = words();
    of_user.unit.user = "1000";
    const std::string text = drop_in_text(of_user);
    EXPECT_TRUE(holds(text, "\nExecStartPost=\n"));
    EXPECT_FALSE(holds(text, "--bring-back"));
    EXPECT_TRUE(holds(text, "\nNotifyAccess=main\n"));
    EXPECT_EQ(drop_in_path(of_user.unit), "/run/user/1000/systemd/user/a.service.d/zz-cedana-restore.conf");
}

TEST(DropIn, LiesBesideTheUnit) {
    EXPECT_EQ(drop_in_path({.name = "a@b.service"}), "/etc/systemd/system/a@b.service.d/zz-cedana-restore.conf");
}

} // namespace
} // namespace cedana
