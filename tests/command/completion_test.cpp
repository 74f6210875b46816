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
    // Runs a script of a shell that has cedana in its PATH.
    [[nodiscard]] std::string in_shell(const std::vector<std::string>& argv) const {
        return run_captured({.argv = argv,
                             .env = std::vector<std::string>{"PATH=" + (folder() / "bin").string() + ":/usr/bin:/bin",
                                                             "TERM=dumb", "HOME=" + home().string()}},
                            std::chrono::seconds(30))
            .out;
    }
    // What bash would offer behind `line`, a word a line.
    [[nodiscard]] std::string in_bash(const std::string& line) const {
        const std::string script =
            fmt::format("source <(cedana completion bash)\ncompopt() {{ :; }}\nline=({}\n)\n"
                        "COMP_WORDS=(\"${{line[@]}}\"); COMP_CWORD=$((${{#line[@]}} - 1)); _cedana\n"
                        "printf '%s\\n' \"${{COMPREPLY[@]}}\"",
                        line);
        return in_shell({"/bin/bash", "-c", script});
    }
    [[nodiscard]] std::string in_fish(const std::string& line) const {
        return in_shell(
            {"/usr/bin/fish", "-c", fmt::format("cedana completion fish | source; complete -C '{}'", line)});
    }
    // All that zsh has written once it has made `completed` of what was typed: only its line editor completes, so it
    // gets a terminal of its own.
    [[nodiscard]] std::string in_zsh(const std::string& typed, const std::string& completed) const {
        return in_shell(
            {"/usr/bin/zsh", "-f", "-c",
             fmt::format("zmodload zsh/zpty; zpty z zsh -f -i\n"
                         "zpty -w z 'PS1=; autoload -U compinit; compinit -u -D; source <(cedana completion "
                         "zsh); print re\"\"ady'\n"
                         "zpty -r -m z out '*ready*'; zpty -w -n z $'{}\\t'\n"
                         "zpty -r -m z out '*{}*'; print -r -- \"$out\"; zpty -d z",
                         typed, completed)});
    }
    static void require_shell(const char* path) {
        if (::access(path, X_OK) != 0)
            GTEST_SKIP() << path << " is not installed";
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

TEST_F(Completion, OffersNoNameWithControlCharacters) {
    const Target escape(sleeper_at(folder() / "zq1\x1b[31m"));
    const Target line(sleeper_at(folder() / "zq2\ntouch PWN"));
    const Target tab(sleeper_at(folder() / "zq3\tx"));
    const Target latin(sleeper_at(folder() / "zq4\xe9"));
    const Target plain(sleeper_at(folder() / "zq5"));
    const std::string offered = words({"client", "find", ""});
    EXPECT_TRUE(holds(offered, "zq5\n"));
    for (const char* name : {"zq1", "zq2", "zq3", "zq4", "touch PWN"})
        EXPECT_EQ(offered.find(name), std::string::npos) << name;
}

TEST_F(Completion, OffersNoNameThatWouldBeAnOption) {
    const Target option(sleeper_at(folder() / "--zq1"));
    const Target directive(sleeper_at(folder() / ":files"));
    EXPECT_EQ(words({"client", "find", ""}).find("--zq1"), std::string::npos);
    EXPECT_EQ(words({"client", "find", ""}).find(":files"), std::string::npos);
}

TEST_F(Completion, OffersNoCheckpointWithControlCharacters) {
    write_checkpoint(folder() / "a\nb.zip", plausible_manifest("redis", 42, "2026-11-22T10:00:00Z"));
    EXPECT_EQ(words({"client", "restore", "-d", folder(), ""}).find("b.zip"), std::string::npos);
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

TEST_F(Completion, WorksInFish) {
    require_shell("/usr/bin/fish");
    if (IsSkipped())
        return;
    EXPECT_EQ(in_fish("cedana client res"), "restore\tbring a process tree back from a checkpoint\n");
    EXPECT_TRUE(holds(in_fish("cedana client dump --lea"), "--leave-running\t"));
}

TEST_F(Completion, WorksInZsh) {
    require_shell("/usr/bin/zsh");
    if (IsSkipped())
        return;
    EXPECT_TRUE(holds(in_zsh("cedana client res", "restore "), "restore "));
    EXPECT_TRUE(holds(in_zsh("cedana client dump --lea", "--leave-running "), "--leave-running "));
}

TEST_F(Completion, OfAnUnknownShellIsExit2) {
    const CedanaRun run = cedana({"completion", "tcsh"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "one of bash, zsh, fish"));
}

} // namespace
} // namespace cedana::testing
