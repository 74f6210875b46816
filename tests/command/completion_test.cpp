// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"

#include <chrono>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Completion : public AnyUser {
  protected:
    Completion() {
        fs::create_directories(folder() / "bin");
        fs::create_symlink(cedana_executable(), folder() / "bin/cedana");
    }
    [[nodiscard]] std::string words(std::vector<std::string> typed) const {
        typed.insert(typed.begin(), {"completion", "words", "--"});
        return cedana(typed).out;
    }
    // What bash would offer behind `line`, a word a line.
    [[nodiscard]] std::string in_bash(const std::string& line) const {
        const std::string script =
            fmt::format("source <(cedana completion bash)\ncompopt() {{ :; }}\nline=({}\n)\n"
                        "COMP_WORDS=(\"${{line[@]}}\"); COMP_CWORD=$((${{#line[@]}} - 1)); _cedana\n"
                        "printf '%s\\n' \"${{COMPREPLY[@]}}\"",
                        line);
        return run_captured({.argv = {"/bin/bash", "-c", script},
                             .env = std::vector<std::string>{"PATH=" + (folder() / "bin").string() + ":/usr/bin:/bin",
                                                             "HOME=" + home().string()}},
                            std::chrono::seconds(30))
            .out;
    }
};

TEST_F(Completion, OffersCommandsWithTheirMeaning) {
    EXPECT_TRUE(holds(words({""}), "client\tcheckpoint and restore processes\n"));
    EXPECT_TRUE(holds(words({"client", ""}), "inspect\t"));
}

TEST_F(Completion, OffersPidsWithTheirNames) {
    const Target target(sleeper_at(folder() / "quiet-quokka"));
    EXPECT_TRUE(holds(words({"client", "dump", "-p", ""}), target.pid_text() + "\tquiet-quokka"));
}

TEST_F(Completion, OffersTheCheckpointsOfTheNamedStore) {
    write_checkpoint(folder() / "a.zip", plausible_manifest("redis", 42, "2026-11-22T10:00:00Z"));
    EXPECT_TRUE(holds(words({"client", "restore", "-d", folder(), ""}), (folder() / "a.zip").string() + "\tredis, "));
}

TEST_F(Completion, MakesNoConfigFile) {
    static_cast<void>(words({"client", "restore", ""}));
    EXPECT_FALSE(fs::exists(config_file()));
}

TEST_F(Completion, WorksInBash) {
    EXPECT_EQ(in_bash("cedana cl"), "client\n");
    EXPECT_EQ(in_bash("cedana client res"), "restore\n");
    EXPECT_EQ(in_bash("cedana client dump --leave"), "--leave-running\n");
}

TEST_F(Completion, OfAnUnknownShellIsExit2) {
    const CedanaRun run = cedana({"completion", "tcsh"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "one of bash, zsh, fish"));
}

} // namespace
} // namespace cedana::testing
