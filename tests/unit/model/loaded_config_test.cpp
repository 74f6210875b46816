// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/loaded_config.hpp"
#include "cedana/model/settings.hpp"

#include <spdlog/fmt/fmt.h>

#include "unit/model/config_fixture.hpp"

namespace cedana::testing {

namespace {

using LoadConfig = ConfigFiles;

TEST_F(LoadConfig, MakesAMissingFileOfWhoeverChangesSomething) {
    static_cast<void>(load_config(sources()));
    EXPECT_FALSE(std::filesystem::exists(user_file().parent_path()));

    const LoadedConfig loaded = load_config(first_use(sources()));

    EXPECT_EQ(loaded.values, Config());
    EXPECT_EQ(joined(loaded.warnings), "");
    EXPECT_EQ(loaded.user_file, user_file());
    EXPECT_EQ(read_file(user_file()), template_text());
}

TEST_F(LoadConfig, NeverRewritesTheUsersFile) {
    write_file(user_file(), "{\"client\": {\"old_key\": 1}}");

    static_cast<void>(load_config(sources()));

    EXPECT_EQ(read_file(user_file()), "{\"client\": {\"old_key\": 1}}");
}

TEST_F(LoadConfig, PrefersFlagToEnvironmentToUserFileToSystemFileToDefault) {
    write_file(system_file(), R"({"archive": {"level": 2, "threads": 2, "buffer_mib": 2},
        "client": {"process_name": "system"}})");
    write_file(user_file(), R"({"archive": {"level": 3, "threads": 3,
        "buffer_mib": 3}})");
    environment_ = {{"CEDANA_ARCHIVE_LEVEL", "4"}, {"CEDANA_ARCHIVE_THREADS", "4"}};

    LoadedConfig loaded = load_config(sources());
    loaded.set_from_flag("archive.level", "--level", "5");

    EXPECT_EQ(loaded.values.archive_level, 5);
    EXPECT_EQ(loaded.origin("archive.level").text(), "flag --level");
    EXPECT_EQ(loaded.values.archive_threads, 4);
    EXPECT_EQ(loaded.origin("archive.threads").text(), "environment variable CEDANA_ARCHIVE_THREADS");
    EXPECT_EQ(loaded.values.archive_buffer_mib, 3);
    EXPECT_EQ(loaded.origin("archive.buffer_mib").text(), user_file().string() + ":2");
    EXPECT_EQ(loaded.values.client_process_name, "system");
    EXPECT_EQ(loaded.origin("client.process_name").text(), system_file().string() + ":2");
    EXPECT_EQ(loaded.origin("files.capture").text(), "default");
}

TEST_F(LoadConfig, LetsWhatTheSystemFileSaysCountBesideTheFileItMade) {
    static_cast<void>(load_config(first_use(sources())));
    write_file(system_file(), R"({"archive": {"level": 9}, "client": {"leave_running": false}})");

    const LoadedConfig loaded = load_config(sources());

    EXPECT_EQ(loaded.values.archive_level, 9);
    EXPECT_EQ(loaded.origin("archive.level").text(), system_file().string() + ":1");
    EXPECT_FALSE(loaded.values.client_leave_running);
    EXPECT_EQ(joined(loaded.warnings), "");
}

// As the versions made it that wrote the defaults as such.
TEST_F(LoadConfig, TakesAFileOfNothingButGeneratedDefaultsForEmpty) {
    write_file(system_file(), R"({"archive": {"level": 9}})");
    write_file(user_file(), to_json(Config()).dump());
    EXPECT_EQ(load_config(sources()).values.archive_level, 9);

    ConfigSources named = sources();
    named.explicit_file = folder() / "named.json";
    write_file(*named.explicit_file, to_json(Config()).dump());
    EXPECT_EQ(load_config(named).values.archive_level, 1);

    Config changed;
    changed.archive_threads = 2;
    write_file(user_file(), to_json(changed).dump());
    EXPECT_EQ(load_config(sources()).values.archive_level, 1);
    EXPECT_EQ(load_config(sources()).values.archive_threads, 2);
}

TEST_F(LoadConfig, TakesATildeForTheHomeOfWhoeverCalls) {
    write_file(user_file(), R"({"shared_storage": {"dump_storage_dir": "~/checkpoints", "mount_point": "~"},
        "client": {"process_name": "~/x"}})");
    environment_["CEDANA_CLIENT_SIGNAL_PROCESS_DONE_FILE"] = "~/done";

    const LoadedConfig loaded = load_config(sources());

    EXPECT_EQ(loaded.values.shared_storage_dump_storage_dir, (home() / "checkpoints").string());
    EXPECT_EQ(loaded.values.shared_storage_mount_point, home().string());
    EXPECT_EQ(loaded.values.client_signal_process_done_file, (home() / "done").string());
    EXPECT_EQ(loaded.values.client_process_name, "~/x");
}

TEST_F(LoadConfig, RefusesTheHomeOfSomebodyElse) {
    write_file(user_file(), R"({"shared_storage": {"dump_storage_dir": "~bob/checkpoints"}})");

    const Error error = error_of([&] { static_cast<void>(load_config(sources())); });

    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_NE(error.message().find("~bob/checkpoints"), std::string::npos);
}

TEST_F(LoadConfig, WarnsOfUnknownKeysWithTheNearest) {
    write_file(user_file(), "{\n\"client\": {\n\"leave_runing\": false\n},\n\"archiv\": {\"level\": 3},\n\"zzz\": 1}");

    const LoadedConfig loaded = load_config(sources());

    EXPECT_EQ(loaded.values, Config());
    EXPECT_EQ(joined(loaded.warnings),
              user_file().string() +
                  ":3: unknown key client.leave_runing is ignored; did you mean client.leave_running?\n" +
                  user_file().string() + ":5: unknown key archiv is ignored; did you mean archive?\n" +
                  user_file().string() + ":6: unknown key zzz is ignored\n");
}

TEST_F(LoadConfig, LetsTheLastOfRepeatedKeysCountAndWarns) {
    write_file(user_file(), "{\"archive\": {\"level\": 3,\n\"level\": 4}}");

    const LoadedConfig loaded = load_config(sources());

    EXPECT_EQ(loaded.values.archive_level, 4);
    EXPECT_EQ(joined(loaded.warnings),
              user_file().string() + ":2: archive.level is given more than once; this one counts\n");
}

TEST_F(LoadConfig, RefusesAValueThatDoesNotFitWithFileLineAndKey) {
    write_file(user_file(), "{\n// why not\n\"client\": {\n\"leave_running\": \"no\"}}");

    const Error error = error_of([&] { static_cast<void>(load_config(sources())); });

    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_EQ(error.message(), user_file().string() + ":4: client.leave_running is \"no\", expected true or false");
    EXPECT_EQ(error.hint(), "the default is true");
}

TEST_F(LoadConfig, RefusesAPlainValueInPlaceOfAGroup) {
    write_file(user_file(), "{\"client\": 5}");

    const Error error = error_of([&] { static_cast<void>(load_config(sources())); });

    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_EQ(error.message(), user_file().string() + ":1: client is 5, expected a group of settings in braces");
}

TEST_F(LoadConfig, RefusesABadValueInTheEnvironmentWithTheVariable) {
    environment_["CEDANA_ARCHIVE_LEVEL"] = "high";

    const Error error = error_of([&] { static_cast<void>(load_config(sources())); });

    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_EQ(error.message(), "environment variable CEDANA_ARCHIVE_LEVEL: archive.level is \"high\", expected a whole "
                               "number from 1 to 22");
}

TEST_F(LoadConfig, RefusesABadValueOfAFlagWithTheFlag) {
    LoadedConfig loaded;

    const Error error = error_of([&] { loaded.set_from_flag("archive.compression", "--compression", "zip"); });

    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_EQ(error.message(),
              "flag --compression: archive.compression is \"zip\", expected one of zstd, deflate, none");
}

TEST_F(LoadConfig, ReadsTheFileThatCedanaConfigNames) {
    write_file(folder() / "other.json", "{\"archive\": {\"level\": 3}}");
    environment_["CEDANA_CONFIG"] = folder() / "other.json";

    const LoadedConfig loaded = load_config(sources());

    EXPECT_EQ(loaded.values.archive_level, 3);
    EXPECT_EQ(loaded.user_file, folder() / "other.json");
    EXPECT_FALSE(std::filesystem::exists(user_file()));
}

TEST_F(LoadConfig, PrefersTheFileOfTheFlagToThatOfCedanaConfig) {
    write_file(folder() / "flag.json", "{\"archive\": {\"level\": 3}}");
    environment_["CEDANA_CONFIG"] = folder() / "absent.json";
    ConfigSources given = sources();
    given.explicit_file = folder() / "flag.json";

    EXPECT_EQ(load_config(given).values.archive_level, 3);
}

TEST_F(LoadConfig, RefusesANamedFileThatIsMissing) {
    ConfigSources given = sources();
    given.explicit_file = folder() / "absent.json";

    const Error error = error_of([&] { static_cast<void>(load_config(given)); });

    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_NE(error.message().find((folder() / "absent.json").string()), std::string::npos);
    EXPECT_NE(error.hint().find("--config"), std::string::npos);
}

TEST_F(LoadConfig, TakesDevNullAsNoSettings) {
    ConfigSources given = sources();
    given.explicit_file = "/dev/null";

    EXPECT_EQ(load_config(given).values, Config());
}

TEST_F(LoadConfig, RefusesAFileThatIsTooLarge) {
    write_file(user_file(), "{" + std::string(k_largest_config_file, ' ') + "}");

    EXPECT_EQ(error_of([&] { static_cast<void>(load_config(sources())); }).fault(), Fault::usage);
}

TEST_F(LoadConfig, RefusesAFolderAndAFifo) {
    ConfigSources given = sources();
    given.explicit_file = folder();
    EXPECT_EQ(error_of([&] { static_cast<void>(load_config(given)); }).fault(), Fault::usage);

    given.explicit_file = folder() / "fifo";
    ASSERT_EQ(::mkfifo(given.explicit_file->c_str(), 0600), 0);
    EXPECT_EQ(error_of([&] { static_cast<void>(load_config(given)); }).fault(), Fault::usage);
}

TEST_F(LoadConfig, GoesOnWithAWarningWhenTheHomeIsMissing) {
    ConfigSources given = first_use(sources());
    given.caller.home = folder() / "absent";

    const LoadedConfig loaded = load_config(given);

    EXPECT_EQ(loaded.values, Config());
    EXPECT_EQ(loaded.warnings.size(), 1U);
}

TEST_F(LoadConfig, GoesOnWithAWarningWhenThereIsNoHome) {
    ConfigSources given = sources();
    given.caller.home = "";

    EXPECT_EQ(load_config(given).warnings.size(), 1U);
}

TEST_F(LoadConfig, ListsEverySettingWithValueOriginAndMeaning) {
    write_file(user_file(), "{\"client\": {\"process_name\": \"a\\\"b\"}}");

    const std::vector<ConfigRow> rows = config_rows(load_config(sources()));

    ASSERT_EQ(rows.size(), settings().size());
    EXPECT_EQ(rows[0].key, "client.process_name");
    EXPECT_EQ(rows[0].value, R"("a\"b")");
    EXPECT_EQ(rows[0].origin, user_file().string() + ":1");
    EXPECT_EQ(rows[0].meaning, "used when -p and -n are absent");
    EXPECT_EQ(rows[1].origin, "default");
}

// What a user behind sudo may set.

constexpr const char* k_runs_programs =
    "{\"action_scripts\": {\"pre_dump\": \"/tmp/mine\"},\n\"criu\": {\"path\": \"/tmp/criu\"},\n"
    "\"archive\": {\"level\": 3}}";

class LoadConfigBehindSudo : public ConfigFilesBehindSudo {
  protected:
    // A file at the user's place with this owner and mode.
    void place(uid_t owner, mode_t mode) {
        write_file(user_file(), k_runs_programs);
        give(user_file().parent_path());
        ASSERT_EQ(::chown(user_file().c_str(), owner, owner), 0);
        ASSERT_EQ(::chmod(user_file().c_str(), mode), 0);
    }
};

TEST_F(LoadConfigBehindSudo, TakesProgramsFromAFileThatRootAloneWrites) {
    write_file(folder() / "roots.json", k_runs_programs);
    ConfigSources given = sources();
    given.explicit_file = folder() / "roots.json";

    const LoadedConfig loaded = load_config(given);

    EXPECT_EQ(loaded.values.action_scripts_pre_dump, "/tmp/mine");
    EXPECT_EQ(loaded.values.criu_path, "/tmp/criu");
    EXPECT_EQ(joined(loaded.warnings), "");
}

struct Ownership {
    uid_t owner;
    mode_t mode;
};

class LoadConfigOfOthers : public LoadConfigBehindSudo, public ::testing::WithParamInterface<Ownership> {};

TEST_P(LoadConfigOfOthers, IgnoresProgramsWithAWarningAndTakesTheRest) {
    place(GetParam().owner, GetParam().mode);

    const LoadedConfig loaded = load_config(sources());

    EXPECT_EQ(loaded.values.action_scripts_pre_dump, "");
    EXPECT_EQ(loaded.values.criu_path, "criu");
    EXPECT_EQ(loaded.origin("criu.path").text(), "default");
    EXPECT_EQ(loaded.values.archive_level, 3);
    ASSERT_EQ(loaded.warnings.size(), 2U);
    EXPECT_TRUE(loaded.warnings[1].starts_with(user_file().string() + ":2: criu.path is ignored"))
        << loaded.warnings[1];
    EXPECT_NE(loaded.warnings[1].find("/etc/cedana/config.json"), std::string::npos);
}

// A file of root's that lies in a folder of the user is one that they can put another in the place of.
INSTANTIATE_TEST_SUITE_P(Owners, LoadConfigOfOthers, ::testing::Values(Ownership{k_nobody, 0600}, Ownership{0, 0644}));

TEST_F(LoadConfigBehindSudo, AppliesTheRuleToANamedFile) {
    place(k_nobody, 0644);
    ConfigSources given = sources();
    given.explicit_file = user_file();

    EXPECT_EQ(load_config(given).values.criu_path, "criu");
}

TEST_F(LoadConfigBehindSudo, TakesNoFileForRootsThatALinkOfTheUserLeadsTo) {
    write_file(folder() / "roots.json", k_runs_programs);
    std::filesystem::create_symlink(folder() / "roots.json", home() / "link.json");
    give(home() / "link.json");
    ConfigSources given = sources();
    given.explicit_file = home() / "link.json";

    EXPECT_EQ(load_config(given).values.criu_path, "criu");
}

// Root's word about what root runs is not the caller's to fill in.
TEST_F(LoadConfigBehindSudo, TakesNoHomeOfTheUserForWhatRootRuns) {
    write_file(system_file(), R"({"action_scripts": {"pre_dump": "~/hook"}})");

    EXPECT_EQ(error_of([&] { static_cast<void>(load_config(sources())); }).fault(), Fault::usage);

    write_file(system_file(), R"({"shared_storage": {"dump_storage_dir": "~/checkpoints"}})");
    EXPECT_EQ(load_config(sources()).folders_of_root, (std::set<std::string>{(home() / "checkpoints").string()}));
}

TEST_F(LoadConfigBehindSudo, RemembersTheStoresThatRootNames) {
    write_file(system_file(), R"({"shared_storage": {"dump_storage_dir": "/a", "mount_point": "/b"}})");
    write_file(user_file(), R"({"shared_storage": {"dump_storage_dir": "/c"}})");
    give(user_file());

    const LoadedConfig loaded = load_config(sources());

    EXPECT_EQ(loaded.values.shared_storage_dump_storage_dir, "/c");
    EXPECT_EQ(loaded.folders_of_root, (std::set<std::string>{"/a", "/b"}));
}

// Files that others can change (security.strict_permissions).

TEST_F(LoadConfigBehindSudo, RefusesAFileThatOthersCanWrite) {
    place(k_nobody, 0646);

    const Error error = error_of([&] { static_cast<void>(load_config(sources())); });

    EXPECT_EQ(error.fault(), Fault::permission);
    EXPECT_EQ(error.hint(), "chmod o-w " + user_file().string());
}

TEST_F(LoadConfigBehindSudo, RefusesASystemFileOfAnybodyButRoot) {
    place(k_nobody, 0644);
    ConfigSources given = sources();
    given.explicit_file = "/dev/null";
    given.system_file = user_file();

    const Error error = error_of([&] { static_cast<void>(load_config(given)); });

    EXPECT_EQ(error.fault(), Fault::permission);
    EXPECT_EQ(error.hint(), "chown root " + home().string());
}

TEST_F(LoadConfigBehindSudo, RefusesForRootAFileOfAUserUnlessRootSaysOtherwise) {
    place(k_nobody, 0644);
    ConfigSources given = sources();
    given.caller = {.uid = 0, .gid = 0, .name = "root", .home = home()};
    EXPECT_EQ(error_of([&] { static_cast<void>(load_config(given)); }).fault(), Fault::permission);

    environment_["CEDANA_SECURITY_STRICT_PERMISSIONS"] = "false";
    EXPECT_EQ(load_config(given).values.criu_path, "/tmp/criu");
}

TEST_F(LoadConfigBehindSudo, LetsRootsFileWaiveTheRefusalButNeitherTheUserNorTheFileItself) {
    place(k_nobody, 0646);
    environment_["CEDANA_SECURITY_STRICT_PERMISSIONS"] = "false";
    EXPECT_EQ(error_of([&] { static_cast<void>(load_config(sources())); }).fault(), Fault::permission);

    write_file(user_file(), R"({"security": {"strict_permissions": false}})");
    EXPECT_EQ(error_of([&] { static_cast<void>(load_config(sources())); }).fault(), Fault::permission);

    write_file(system_file(), R"({"security": {"strict_permissions": false}})");
    EXPECT_FALSE(load_config(sources()).values.security_strict_permissions);
}

// A file of root's that holds every default, as the one in the package's documentation does, would trust everybody.
TEST_F(LoadConfigBehindSudo, LetsNoFileThatTheUserNamesChangeWhomRootTrusts) {
    write_file(system_file(), R"({"security": {"trusted_keys": "/etc/cedana/trusted"}})");
    for (const char* value : {"", "/tmp/mine"}) {
        write_file(user_file(), fmt::format(R"({{"security": {{"trusted_keys": "{}"}}}})", value));
        ASSERT_EQ(::chown(user_file().c_str(), 0, 0), 0);
        ConfigSources given = sources();
        for (const auto& named : {std::optional<std::filesystem::path>(), std::optional(user_file())}) {
            given.explicit_file = named;
            EXPECT_EQ(load_config(given).values.security_trusted_keys, "/etc/cedana/trusted") << value;
        }
    }
    environment_ = {{"CEDANA_SECURITY_TRUSTED_KEYS", "/tmp/mine"}};
    EXPECT_EQ(load_config(sources()).values.security_trusted_keys, "/etc/cedana/trusted");
}

TEST_F(LoadConfigBehindSudo, LetsRootItselfSayWhomItTrusts) {
    write_file(folder() / "roots.json", R"({"security": {"trusted_keys": "/root/trusted"}})");
    ConfigSources given = sources();
    given.caller.uid = 0;
    given.explicit_file = folder() / "roots.json";
    EXPECT_EQ(load_config(given).values.security_trusted_keys, "/root/trusted");
}

TEST_F(LoadConfigBehindSudo, DoesNotTakeAFileOfProcForOneThatRootWrote) {
    EXPECT_EQ(read_config_file_as(sources().caller, "/proc/version")->written_by, WrittenBy::anyone);
}

TEST_F(LoadConfigBehindSudo, DoesNotWarnOfProgramsInTheFileThatWasMade) {
    write_file(user_file(), to_json(Config()).dump());
    give(user_file());

    EXPECT_EQ(joined(load_config(sources()).warnings), "");
}

TEST_F(LoadConfigBehindSudo, IgnoresProgramsFromTheEnvironmentWithAWarning) {
    environment_ = {{"CEDANA_CRIU_EXTRA_ARGS", "--action-script /tmp/mine"}, {"CEDANA_ARCHIVE_LEVEL", "3"}};

    const LoadedConfig loaded = load_config(sources());

    EXPECT_TRUE(loaded.values.criu_extra_args.empty());
    EXPECT_EQ(loaded.values.archive_level, 3);
    ASSERT_EQ(loaded.warnings.size(), 1U);
    EXPECT_TRUE(loaded.warnings[0].starts_with("environment variable CEDANA_CRIU_EXTRA_ARGS")) << loaded.warnings[0];
}

TEST_F(LoadConfig, TakesProgramsFromTheEnvironmentOfTheUserItself) {
    environment_ = {{"CEDANA_CRIU_EXTRA_ARGS", "--ghost-limit 1M"}};

    EXPECT_EQ(load_config(sources()).values.criu_extra_args, (std::vector<std::string>{"--ghost-limit", "1M"}));
}

} // namespace

} // namespace cedana::testing
