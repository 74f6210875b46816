// SPDX-License-Identifier: Apache-2.0
// What TAB puts into the line of a shell, typed at a terminal: names are those of strangers' processes and files.
#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

#include <array>
#include <chrono>
#include <fstream>
#include <memory>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Shell {
    const char* name;
    std::vector<std::string> argv;
    // Loads the completion and makes "ready> " the prompt.
    const char* setup;
};

const Shell k_bash_shell{
    "bash", {"/bin/bash", "--norc", "--noprofile", "-i"}, "source <(cedana completion bash); PS1='rea''dy> '\r"};
const Shell k_zsh_shell{"zsh",
                        {"/usr/bin/zsh", "-f", "-i"},
                        "autoload -U compinit; compinit -u -D; source <(cedana completion zsh); PS1='rea''dy> '\r"};
const Shell k_fish_shell{"fish",
                         {"/usr/bin/fish", "--no-config", "-i"},
                         "cedana completion fish | source; function fish_prompt; printf 'rea''dy> '; end\r"};

// A shell at a terminal of its own.
class TypedShell {
  public:
    TypedShell(std::vector<std::string> argv, std::vector<std::string> environment, const fs::path& cwd)
        : shell_(start(std::move(argv), std::move(environment), cwd)) {}

    void type(std::string_view keys) const {
        if (::write(keyboard_.get(), keys.data(), keys.size()) != static_cast<ssize_t>(keys.size()))
            throw OsFailure().error("cannot type");
    }
    // Until the shell has written `text`; "": until it has ended. False if that does not come.
    bool wait_for(std::string_view text) {
        const auto end = std::chrono::steady_clock::now() + k_wait_limit;
        while (text.empty() || seen_.find(text) == std::string::npos) {
            pollfd ready{.fd = keyboard_.get(), .events = POLLIN, .revents = 0};
            if (std::chrono::steady_clock::now() > end || ::poll(&ready, 1, 1000) < 0)
                return false;
            std::array<char, 4096> piece{};
            const ssize_t count = ready.revents == 0 ? 0 : ::read(keyboard_.get(), piece.data(), piece.size());
            if (count < 0)
                return text.empty();
            seen_.append(piece.data(), static_cast<std::size_t>(count));
        }
        return true;
    }
    [[nodiscard]] const std::string& seen() const { return seen_; }

  private:
    ChildProcess start(std::vector<std::string> argv, std::vector<std::string> environment, const fs::path& cwd) {
        int master = -1;
        int slave = -1;
        if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0)
            throw OsFailure().error("no terminal");
        keyboard_ = UniqueFd(master);
        const UniqueFd terminal(slave);
        argv.insert(argv.begin(), {"/usr/bin/setsid", "--ctty"});
        return ChildProcess::spawn({.argv = std::move(argv),
                                    .fds = {{slave, 0}, {slave, 1}, {slave, 2}},
                                    .cwd = cwd.string(),
                                    .env = std::move(environment),
                                    .grace = 0ms});
    }

    UniqueFd keyboard_;
    ChildProcess shell_;
    std::string seen_;
};

// A cedana in the path that completes as ever, and writes down what it is called with besides.
class ShellCompletion : public AnyUser, public ::testing::WithParamInterface<Shell> {
  protected:
    void SetUp() override {
        if (::access(GetParam().argv.front().c_str(), X_OK) != 0)
            GTEST_SKIP() << GetParam().name << " is not installed";
        fs::create_directories(folder() / "bin");
        const fs::path program = folder() / "bin/cedana";
        std::ofstream(program) << fmt::format("#!/bin/sh\n[ \"$1\" != completion ] || exec {} \"$@\"\n"
                                              "printf '%s|' \"$@\" >>{}\n",
                                              cedana_executable().string(), called().string());
        fs::permissions(program, fs::perms::owner_all);
    }
    [[nodiscard]] fs::path called() const { return folder() / "called"; }

    // What cedana was called with once `typed` and TAB were typed, and the line sent off: "ARGUMENT|ARGUMENT|".
    [[nodiscard]] std::string called_by(const std::string& typed) {
        fs::remove(called());
        TypedShell shell(GetParam().argv,
                         {"PATH=" + (folder() / "bin").string() + ":/usr/bin:/bin", "TERM=xterm",
                          "HOME=" + home().string(), "LANG=C.UTF-8"},
                         folder());
        shell.type(GetParam().setup);
        EXPECT_TRUE(shell.wait_for("ready> ")) << shell.seen();
        shell.type(typed + "\t\rexit\r");
        EXPECT_TRUE(shell.wait_for("")) << shell.seen();
        std::error_code ignored;
        return fs::exists(called(), ignored) ? read_file(called()) : "nothing: " + shell.seen();
    }
    // The mark of a command that a name has run.
    [[nodiscard]] bool was_run() const { return fs::exists(folder() / "PWN"); }
};

INSTANTIATE_TEST_SUITE_P(Of, ShellCompletion, ::testing::Values(k_bash_shell, k_zsh_shell, k_fish_shell),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_P(ShellCompletion, OffersNamesOfProcessesAsOneWord) {
    const std::vector<std::string> names = {"zq1;touch PWN",    "zq2$(touch PWN)", "zq3`touch PWN`",
                                            "zq4'\";touch PWN", "zq5\\;touch PWN", "zq6&touch PWN#",
                                            "zq7 {a,b}~*?[]",   "zq8!!|touch PWN", "zq9%s:d\\"};
    std::vector<std::unique_ptr<Target>> targets;
    for (const std::string& name : names)
        targets.push_back(std::make_unique<Target>(sleeper_at(folder() / name)));
    for (const std::string& name : names) {
        EXPECT_EQ(called_by("cedana client find " + name.substr(0, 3)), "client|find|" + name + "|");
        EXPECT_FALSE(was_run()) << name;
    }
}

TEST_P(ShellCompletion, StaysWithinTheQuotesThatAreOpen) {
    const Target target(sleeper_at(folder() / "zq1;touch PWN"));
    EXPECT_EQ(called_by("cedana client find 'zq1"), "client|find|zq1;touch PWN|");
    EXPECT_EQ(called_by("cedana client find \"zq1"), "client|find|zq1;touch PWN|");
    EXPECT_FALSE(was_run());
}

TEST_P(ShellCompletion, OffersCheckpointsAsOneWord) {
    fs::create_directory(folder() / "store");
    write_checkpoint(folder() / "store/zq1;touch PWN.zip", plausible_manifest("redis", 42, "2026-11-22T10:00:00Z"));
    write_checkpoint(folder() / "store/zq2$(touch PWN)'.zip", plausible_manifest("redis", 43, "2026-11-22T10:00:00Z"));
    EXPECT_EQ(called_by("cedana client restore -d store store/zq1"),
              "client|restore|-d|store|store/zq1;touch PWN.zip|");
    EXPECT_EQ(called_by("cedana client restore -d store store/zq2"),
              "client|restore|-d|store|store/zq2$(touch PWN)'.zip|");
    EXPECT_FALSE(was_run());
}

TEST_P(ShellCompletion, LetsTheShellQuoteFilesAndFolders) {
    std::ofstream(folder() / "zq1;touch PWN") << "";
    fs::create_directory(folder() / "zq2$(touch PWN)");
    EXPECT_TRUE(called_by("cedana config keygen zq1").ends_with("|zq1;touch PWN|"));
    EXPECT_TRUE(called_by("cedana client dump -d zq2").find("|zq2$(touch PWN)") != std::string::npos);
    EXPECT_FALSE(was_run());
}

} // namespace
} // namespace cedana::testing
