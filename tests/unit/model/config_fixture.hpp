// SPDX-License-Identifier: Apache-2.0
// A home, a system file and an environment of a test's own.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/model/loaded_config.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana::testing {

inline constexpr uid_t k_nobody = 65534;

inline void write_file(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

inline struct stat status_of(const std::filesystem::path& path) {
    struct stat info {};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
}

inline std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

// What `work` throws; an Error of fault internal if it throws nothing.
template <typename Work>
Error error_of(Work&& work) {
    try {
        work();
    } catch (const Error& error) {
        return error;
    }
    return {Fault::internal, "nothing was thrown"};
}

// As of a command that changes something.
inline ConfigSources first_use(ConfigSources given) {
    given.first_use = FirstUse::makes_file;
    return given;
}

class ConfigFiles : public ::testing::Test {
  protected:
    ConfigFiles() {
        std::filesystem::create_directories(home());
        ::chmod(folder_.path().c_str(), 0755);
    }

    [[nodiscard]] std::filesystem::path folder() const { return folder_.path(); }
    [[nodiscard]] std::filesystem::path home() const { return folder() / "home"; }
    [[nodiscard]] std::filesystem::path user_file() const { return home() / ".cedana" / "cedana_config.json"; }
    [[nodiscard]] std::filesystem::path system_file() const { return folder() / "etc" / "config.json"; }

    // The run of the user who runs the test.
    [[nodiscard]] ConfigSources sources() const {
        return {.caller = {.uid = ::getuid(), .gid = ::getgid(), .name = "tester", .home = home()},
                .explicit_file = std::nullopt,
                .system_file = system_file(),
                .environment = [this](const std::string& name) -> std::optional<std::string> {
                    const auto found = environment_.find(name);
                    return found == environment_.end() ? std::nullopt : std::optional(found->second);
                }};
    }

    std::map<std::string, std::string> environment_;

  private:
    TempDir folder_{std::filesystem::temp_directory_path(), "cedana-config"};
};

// The run of another user through sudo.
class ConfigFilesBehindSudo : public ConfigFiles {
  protected:
    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root, to act as root for another user";
        give(home());
    }

    static void give(const std::filesystem::path& path) {
        ASSERT_EQ(::lchown(path.c_str(), k_nobody, k_nobody), 0) << path;
    }

    [[nodiscard]] ConfigSources sources() const {
        ConfigSources result = ConfigFiles::sources();
        result.caller = {.uid = k_nobody, .gid = k_nobody, .name = "nobody", .home = home()};
        return result;
    }
};

} // namespace cedana::testing
