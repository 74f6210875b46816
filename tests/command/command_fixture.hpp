// SPDX-License-Identifier: Apache-2.0
// A home, a store and a fake CRIU of a test's own, and the few things that most tests of commands do with them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/assertions.hpp"
#include "support/cedana_run.hpp"
#include "support/kept_folder.hpp"
#include "support/target.hpp"

namespace cedana::testing {

inline constexpr uid_t k_nobody = 65534;

// What the fake CRIU sends unless a test says otherwise: a small image, and one of two frames.
inline constexpr const char* k_images = "image inventory.img 300\nimage pages-1.img 1300000\n";
inline constexpr std::size_t k_images_bytes = 300 + 1300000;

// Runs as whoever runs the tests; for what anybody may do.
class AnyUser : public ::testing::Test {
  protected:
    AnyUser();

    [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
    [[nodiscard]] std::filesystem::path home() const { return folder() / "home"; }
    [[nodiscard]] std::filesystem::path config_file() const { return home() / ".cedana" / "cedana_config.json"; }

    CedanaRun cedana(std::vector<std::string> arguments) const { return run_cedana(std::move(arguments), options); }
    // On a terminal at which `keys` are typed; all that it prints is in `out`.
    CedanaRun cedana_on_terminal(const std::string& line, const std::string& keys) const;

    RunOptions options;

  private:
    KeptFolder folder_;
};

// Dumps and restores, which need root.
class WithFakeCriu : public AnyUser {
  protected:
    WithFakeCriu();
    void SetUp() override;

    [[nodiscard]] std::filesystem::path store() const { return folder() / "store"; }
    [[nodiscard]] std::filesystem::path criu() const { return folder() / "criu"; }
    // A file beside the fake CRIU, see fake_criu.cpp.
    [[nodiscard]] std::filesystem::path criu_file(const std::string& suffix) const;

    // k_images and these lines.
    void plan(const std::string& lines) const;
    // In place of having CRIU write them into a folder in memory, which it does of trees as small as those of tests.
    void stream_images() { options.environment["CEDANA_DUMP_FOLDER_MIB"] = "0"; }
    // The arguments of the fake CRIU's runs of this command.
    [[nodiscard]] std::vector<std::string> criu_runs(const std::string& command) const;

    // `client dump -p PID -d store()` and `more`.
    CedanaRun dump(const Target& target, const std::vector<std::string>& more = {}) const;
    CedanaRun restore(const std::filesystem::path& zip, const std::vector<std::string>& more = {}) const;
    // A dump of a target that is gone afterwards: its checkpoint.
    [[nodiscard]] std::filesystem::path checkpoint() const;
    // A dump or restore that runs until the fake CRIU has reached this stage, where it stays.
    [[nodiscard]] RunningCedana start_dump_up_to(const std::string& stage, const Target& target) const;

    [[nodiscard]] std::filesystem::path scratch(const std::string& name) const { return folder() / name; }
};

// A process that sleeps, to be dumped.
class WithTarget : public WithFakeCriu {
  protected:
    Target target{{"/bin/sleep", "infinity"}};
};

// "error: …\n  cause: …" holds a line for this field; its text.
[[nodiscard]] std::string field_of(const std::string& error, const std::string& field);

} // namespace cedana::testing
