// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/criu/plugins.hpp"

#include <filesystem>
#include <fstream>
#include <string>

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

TEST(BpfMaps, AreKnownByWhatCriuSaysOfThem) {
    const TempDir folder(std::filesystem::temp_directory_path(), "plugins-test");
    const auto built_with = [&](const std::string& content) {
        std::ofstream(folder.path() / "criu", std::ios::binary) << content;
        return knows_bpf_maps(folder.path() / "criu");
    };
    EXPECT_TRUE(built_with("\177ELF\2 Error (%s:%d): Can't load key-value pairs to BPF map: %s"));
    EXPECT_FALSE(built_with("\177ELF\2 bpfmap_data_entry__init"));
    EXPECT_TRUE(built_with("#!/bin/sh\nexec /opt/criu \"$@\"\n"));
    EXPECT_TRUE(knows_bpf_maps(folder.path() / "none"));
}

} // namespace
} // namespace cedana::criu
