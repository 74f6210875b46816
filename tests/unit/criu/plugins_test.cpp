// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/plugins.hpp"

#include <gtest/gtest.h>

namespace cedana::criu {
namespace {

TEST(PluginFolders, AreThoseThatCriuIsBuiltWith) {
    EXPECT_EQ(plugin_folders({"--tcp-close"}), (Folders{"/usr/lib/criu", "/usr/local/lib/criu"}));
}

TEST(PluginFolders, AreTheOneThatCriuIsTold) {
    EXPECT_EQ(plugin_folders({"-L", "/opt/plugins"}), Folders{"/opt/plugins"});
    EXPECT_EQ(plugin_folders({"--libdir", "/opt/plugins"}), Folders{"/opt/plugins"});
    EXPECT_EQ(plugin_folders({"--libdir=/opt/plugins"}), Folders{"/opt/plugins"});
}

TEST(Plugins, AreNotInAFolderThatIsMissing) {
    EXPECT_FALSE(has_plugin({"/nonexistent"}, "cuda_plugin.so"));
    EXPECT_FALSE(has_any_plugin({"/nonexistent"}));
}

} // namespace
} // namespace cedana::criu
