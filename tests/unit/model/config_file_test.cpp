// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/config_file.hpp"

#include <algorithm>

#include "unit/model/config_fixture.hpp"

namespace cedana::testing {

namespace {

namespace fs = std::filesystem;

using CreateConfigFile = ConfigFiles;

std::size_t files_in(const fs::path& path) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

TEST_F(CreateConfigFile, MakesAPrivateFileInAPrivateFolderAndNothingElse) {
    EXPECT_EQ(create_config_file(sources().caller, "text"), Creation::created);

    EXPECT_EQ(read_file(user_file()), "text");
    EXPECT_EQ(status_of(user_file()).st_mode & 07777, 0600U);
    EXPECT_EQ(status_of(user_file().parent_path()).st_mode & 07777, 0700U);
    EXPECT_EQ(files_in(user_file().parent_path()), 1U);
}

TEST_F(CreateConfigFile, LeavesAnExistingFileAsItIs) {
    write_file(user_file(), "mine");

    EXPECT_EQ(create_config_file(sources().caller, "text"), Creation::existed);

    EXPECT_EQ(read_file(user_file()), "mine");
    EXPECT_EQ(files_in(user_file().parent_path()), 1U);
}

class CreateConfigFileBehindSudo : public ConfigFilesBehindSudo {
  protected:
    [[nodiscard]] fs::path elsewhere() const { return folder() / "elsewhere"; }
};

TEST_F(CreateConfigFileBehindSudo, GivesFileAndFolderToTheUser) {
    create_config_file(sources().caller, "text");

    EXPECT_EQ(status_of(user_file()).st_uid, k_nobody);
    EXPECT_EQ(status_of(user_file()).st_gid, k_nobody);
    EXPECT_EQ(status_of(user_file().parent_path()).st_uid, k_nobody);
}

TEST_F(CreateConfigFileBehindSudo, MakesNothingInAHomeThatTheUserCannotWrite) {
    ASSERT_EQ(::chown(home().c_str(), 0, 0), 0);

    const Error error = error_of([&] { create_config_file(sources().caller, "text"); });

    EXPECT_EQ(error.fault(), Fault::permission);
    EXPECT_EQ(files_in(home()), 0U);
}

TEST_F(CreateConfigFileBehindSudo, DoesNotFollowALinkAtTheFolder) {
    fs::create_directory(elsewhere());
    give(elsewhere());
    fs::create_symlink(elsewhere(), home() / ".cedana");

    const LoadedConfig loaded = load_config(first_use(sources()));

    EXPECT_EQ(files_in(elsewhere()), 0U);
    EXPECT_EQ(loaded.values, Config());
    EXPECT_EQ(loaded.warnings.size(), 1U);
}

TEST_F(CreateConfigFileBehindSudo, DoesNotFollowADanglingLinkAtTheFile) {
    fs::create_directories(user_file().parent_path());
    give(user_file().parent_path());
    fs::create_symlink(elsewhere(), user_file());
    ASSERT_EQ(::chmod(folder().c_str(), 0777), 0);

    const LoadedConfig loaded = load_config(first_use(sources()));

    EXPECT_FALSE(fs::exists(elsewhere()));
    EXPECT_TRUE(fs::is_symlink(user_file()));
    EXPECT_EQ(files_in(user_file().parent_path()), 1U);
    EXPECT_EQ(loaded.warnings.size(), 1U);
}

TEST_F(CreateConfigFileBehindSudo, LeavesTheFileBehindALinkAsItIs) {
    write_file(elsewhere(), "{\"archive\": {\"level\": 3}}");
    fs::create_directories(user_file().parent_path());
    fs::create_symlink(elsewhere(), user_file());
    give(user_file().parent_path());

    EXPECT_EQ(load_config(sources()).values.archive_level, 3);

    EXPECT_EQ(read_file(elsewhere()), "{\"archive\": {\"level\": 3}}");
    EXPECT_EQ(status_of(elsewhere()).st_uid, 0U);
}

TEST_F(CreateConfigFileBehindSudo, DoesNotReadForTheUserWhatTheyCannotRead) {
    write_file(elsewhere(), "root:secret");
    ASSERT_EQ(::chmod(elsewhere().c_str(), 0600), 0);
    fs::create_directories(user_file().parent_path());
    fs::create_symlink(elsewhere(), user_file());
    give(user_file().parent_path());

    const Error error = error_of([&] { static_cast<void>(load_config(sources())); });

    EXPECT_EQ(error.fault(), Fault::permission);
    EXPECT_EQ(error.message().find("secret"), std::string::npos);
}

TEST_F(CreateConfigFileBehindSudo, DoesNotReadANamedFileForTheUserEither) {
    write_file(elsewhere(), "root:secret");
    ASSERT_EQ(::chmod(elsewhere().c_str(), 0600), 0);
    ConfigSources given = sources();
    given.explicit_file = elsewhere();

    EXPECT_EQ(error_of([&] { static_cast<void>(load_config(given)); }).fault(), Fault::permission);
}

} // namespace

} // namespace cedana::testing
