// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/roles/terminal.hpp"
#include "cedana/roles/tree_pids.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/roles/support.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::roles {
namespace {

using test::k_endings;
using test::numbers_to;
using test::read_bytes;

// A shell's command that waits until somebody writes to it.
class Gate {
  public:
    explicit Gate(std::filesystem::path path) : path_(std::move(path)) {
        EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
        end_ = open_file(path_, O_RDWR);
    }
    [[nodiscard]] std::string command() const { return "read -r go <" + path_.string(); }
    void open() const { write_all(end_.get(), "go\n", path_); }

  private:
    std::filesystem::path path_;
    UniqueFd end_;
};

// One with a shell in the place of CRIU.
class TerminalRole : public test::InTempFolder {
  protected:
    struct Running {
        ChildProcess process;
        UniqueFd outcome = {};
    };

    [[nodiscard]] Running start(const std::string& criu, const UniqueFd& held = {}) const {
        KeptCriu kept = start_on_new_terminal({.criu = {.argv = {"sh", "-c", criu}, .cwd = path("").string()},
                                               .log = path("restore.log"),
                                               .pid_file = root_file(),
                                               .held = held.get(),
                                               .output = open_file(output_file(), O_WRONLY | O_CREAT, 0600)});
        return {.process = std::move(kept.terminal), .outcome = std::move(kept.outcome)};
    }
    // That CRIU has ended well; the root.
    static pid_t restored_root(const Running& running) {
        EXPECT_EQ(read_bytes(running.outcome, 1), std::string(1, '\0'));
        const TreePids pids = read_pids(running.outcome.get());
        EXPECT_EQ(pids.child, 0);
        return pids.root;
    }
    // What it tells, to its end.
    [[nodiscard]] std::string outcome_after(const std::string& criu) const {
        Running running = start(criu);
        std::string bytes = read_all(running.outcome.get(), "a pipe", 16);
        running.process.wait();
        return bytes;
    }
    [[nodiscard]] std::filesystem::path output_file() const { return path("output"); }
    [[nodiscard]] std::filesystem::path root_file() const { return path("restore.pid"); }
    [[nodiscard]] std::string with_root(const std::string& root) const {
        return "(" + root + ") & echo $! >" + root_file().string();
    }
};

TEST_F(TerminalRole, TellsHowCriuEndedAndThenHowTheTreeDid) {
    // Not before the shell that would reap it.
    const Gate gate(path("gate"));
    Running running = start(with_root(gate.command() + "; exit 7"));
    const pid_t root = restored_root(running);
    EXPECT_EQ(std::to_string(root), trim(read_file(root_file())));
    gate.open();
    EXPECT_EQ(read_bytes(running.outcome, 2), "\a");
    EXPECT_TRUE(running.process.wait().success());
}

// Whoever it tells removes the file.
TEST_F(TerminalRole, DoesNotTellThatTheTreeIsBackBeforeItKnowsItsRoot) { EXPECT_EQ(outcome_after("exit 0"), ""); }

// As `systemctl stop` sends it to all of a service: the program ends in its own time.
TEST_F(TerminalRole, OutlivesTheSignalsThatEndTheTree) {
    const Gate gate(path("gate"));
    Running running = start(with_root(gate.command() + "; exit 42"));
    static_cast<void>(restored_root(running));
    for (const int number : k_endings)
        running.process.signal(number);
    gate.open();
    EXPECT_EQ(read_bytes(running.outcome, 1), "\x2a");
    EXPECT_TRUE(running.process.wait().success());
}

// `restore --foreground` ends by it. More than one read takes, and less than what a terminal holds (some 12 KiB).
TEST_F(TerminalRole, TellsTheEndOfTheRootWhenAllOutputIsWritten) {
    const Gate gate(path("gate"));
    Running running = start("exec 3<&0; " + with_root(gate.command() + "; seq 2000 >&3"));
    const auto root = open_pidfd(restored_root(running));
    ASSERT_TRUE(root);
    running.process.signal(SIGSTOP);
    EXPECT_EQ(::waitpid(running.process.pid(), nullptr, WUNTRACED), running.process.pid());
    gate.open();
    EXPECT_TRUE(ends_within(*root, std::chrono::seconds(30)));
    running.process.signal(SIGCONT);
    EXPECT_EQ(read_bytes(running.outcome, 1), std::string(1, '\0'));
    EXPECT_EQ(read_file(output_file()), numbers_to(2000));
    EXPECT_TRUE(running.process.wait().success());
}

// Another cedana removes a folder that nobody holds, and what CRIU has left in it with it.
TEST_F(TerminalRole, HoldsTheFolderUntilItKnowsTheRoot) {
    const auto lock = [this] { return open_file(path("lock"), O_RDWR | O_CREAT, 0600); };
    UniqueFd held = lock();
    ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
    ASSERT_EQ(::mkfifo(root_file().c_str(), 0600), 0);
    Running running = start("exit 0", held);
    held.reset();
    // When the role opens it as well.
    UniqueFd root = open_file(root_file(), O_WRONLY);
    EXPECT_NE(::flock(lock().get(), LOCK_EX | LOCK_NB), 0);
    write_all(root.get(), "4711\n", root_file());
    root.reset();
    EXPECT_EQ(restored_root(running), 4711);
    EXPECT_EQ(::flock(lock().get(), LOCK_EX | LOCK_NB), 0);
    EXPECT_TRUE(running.process.wait().success());
}

} // namespace
} // namespace cedana::roles
