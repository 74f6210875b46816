// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/roles/terminal.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

constexpr std::array<int, 7> k_endings = {SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO};

TEST(KeeperPlan, IsReadAsItWasWritten) {
    const KeeperPlan plan{.copies = {{100, 101}, {102, 103}},
                          .feeds = {{107, 108}},
                          .asked = 109,
                          .master = 104,
                          .output = 105,
                          .told = 106,
                          .root_file = "/run/cedana/a b"};
    EXPECT_EQ(read_plan(write_plan(plan)), plan);
}

TEST(KeeperPlan, OfACopierHasNoTerminal) {
    const KeeperPlan plan = read_plan(write_plan({.copies = {{100, 101}}}));
    EXPECT_EQ(plan.copies.size(), 1U);
    EXPECT_EQ(plan.master, -1);
}

TEST(KeeperPlan, ThatIsNoneIsRefused) { EXPECT_THROW(static_cast<void>(read_plan("{}")), Error); }

// A keeper with these words in the place of CRIU's.
pid_t start_keeper(const KeeperPlan& plan, std::vector<std::string> words = {}, const UniqueFd& not_passed = {}) {
    const pid_t keeper = ::fork();
    if (keeper != 0)
        return keeper;
    ::close(not_passed.get());
    ::setsid();
    ::setenv(k_keeper, write_plan(plan).c_str(), 1);
    words.insert(words.begin(), "keeper");
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    ::_exit(run_keeper(argv.data()));
}

std::string read_bytes(const UniqueFd& fd, std::size_t count) {
    std::string bytes(count, '?');
    std::size_t done = 0;
    for (ssize_t got = 0; done < count && (got = ::read(fd.get(), bytes.data() + done, count - done)) > 0;)
        done += static_cast<std::size_t>(got);
    bytes.resize(done);
    return bytes;
}

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

std::string numbers_to(int last) {
    std::string text;
    for (int i = 1; i <= last; ++i)
        text += std::to_string(i) + '\n';
    return text;
}

// A keeper of a terminal with a shell in the place of CRIU.
class TerminalKeeper : public test::InTempFolder {
  protected:
    struct Running {
        pid_t keeper = -1;
        UniqueFd told = {};
    };

    [[nodiscard]] Running start(const std::string& criu, const UniqueFd& held = {}) const {
        const UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
        EXPECT_TRUE(master && ::grantpt(master.get()) == 0 && ::unlockpt(master.get()) == 0);
        const UniqueFd output = open_file(output_file(), O_WRONLY | O_CREAT, 0600);
        Pipe told = make_pipe();
        const pid_t keeper = start_keeper({.master = master.get(),
                                           .output = output.get(),
                                           .told = told.write_end.get(),
                                           .held = held.get(),
                                           .root_file = root_file().string()},
                                          {"sh", "-c", criu});
        return {.keeper = keeper, .told = std::move(told.read_end)};
    }
    // What it tells, to its end.
    [[nodiscard]] std::string told_after(const std::string& criu) const {
        const Running running = start(criu);
        std::string bytes = read_all(running.told.get(), "what the keeper tells", 16);
        EXPECT_EQ(::waitpid(running.keeper, nullptr, 0), running.keeper);
        return bytes;
    }
    [[nodiscard]] std::filesystem::path output_file() const { return path("output"); }
    [[nodiscard]] std::filesystem::path root_file() const { return path("restore.pid"); }
    [[nodiscard]] std::string with_root(const std::string& root) const {
        return "(" + root + ") & echo $! >" + root_file().string();
    }
};

TEST_F(TerminalKeeper, TellsHowCriuEndedAndThenHowTheTreeDid) {
    // Not before the shell that would reap it.
    const Gate gate(path("gate"));
    const Running running = start(with_root(gate.command() + "; exit 7"));
    EXPECT_EQ(read_bytes(running.told, 1), std::string(1, '\0'));
    gate.open();
    EXPECT_EQ(read_bytes(running.told, 2), "\a");
    EXPECT_EQ(::waitpid(running.keeper, nullptr, 0), running.keeper);
}

// Whoever it tells removes the file.
TEST_F(TerminalKeeper, DoesNotTellThatTheTreeIsBackBeforeItKnowsItsRoot) { EXPECT_EQ(told_after("exit 0"), ""); }

// As `systemctl stop` sends it to all of a service: the program ends in its own time.
TEST_F(TerminalKeeper, OutlivesTheSignalsThatEndTheTree) {
    const Gate gate(path("gate"));
    const Running running = start(with_root(gate.command() + "; exit 42"));
    EXPECT_EQ(read_bytes(running.told, 1), std::string(1, '\0'));
    for (const int number : k_endings)
        ::kill(running.keeper, number);
    gate.open();
    EXPECT_EQ(read_bytes(running.told, 1), "\x2a");
    EXPECT_EQ(::waitpid(running.keeper, nullptr, 0), running.keeper);
}

// `restore --foreground` ends by it. More than one read takes, and less than what a terminal holds (some 12 KiB).
TEST_F(TerminalKeeper, TellsTheEndOfTheRootWhenAllOutputIsWritten) {
    const Gate gate(path("gate"));
    const Running running = start("exec 3<&0; " + with_root(gate.command() + "; seq 2000 >&3"));
    EXPECT_EQ(read_bytes(running.told, 1), std::string(1, '\0'));
    const auto root = open_pidfd(std::stoi(read_file(root_file())));
    ASSERT_TRUE(root);
    ::kill(running.keeper, SIGSTOP);
    EXPECT_EQ(::waitpid(running.keeper, nullptr, WUNTRACED), running.keeper);
    gate.open();
    EXPECT_TRUE(ends_within(*root, std::chrono::seconds(30)));
    ::kill(running.keeper, SIGCONT);
    EXPECT_EQ(read_bytes(running.told, 1), std::string(1, '\0'));
    EXPECT_EQ(read_file(output_file()), numbers_to(2000));
    EXPECT_EQ(::waitpid(running.keeper, nullptr, 0), running.keeper);
}

// Another cedana removes a folder that nobody holds, and what CRIU has left in it with it.
TEST_F(TerminalKeeper, HoldsTheFolderUntilItKnowsTheRoot) {
    const auto lock = [this] { return open_file(path("lock"), O_RDWR | O_CREAT, 0600); };
    UniqueFd held = lock();
    ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
    ASSERT_EQ(::mkfifo(root_file().c_str(), 0600), 0);
    const Running running = start("exit 0", held);
    held.reset();
    // When the keeper opens it as well.
    UniqueFd root = open_file(root_file(), O_WRONLY);
    EXPECT_NE(::flock(lock().get(), LOCK_EX | LOCK_NB), 0);
    write_all(root.get(), "4711\n", root_file());
    root.reset();
    EXPECT_EQ(read_bytes(running.told, 1), std::string(1, '\0'));
    EXPECT_EQ(::flock(lock().get(), LOCK_EX | LOCK_NB), 0);
    EXPECT_EQ(::waitpid(running.keeper, nullptr, 0), running.keeper);
}

TEST(Copier, OutlivesTheSignalsThatEndTheTree) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    const pid_t keeper = start_keeper({.copies = {{in.read_end.get(), out.write_end.get()}}}, {}, in.write_end);
    in.read_end.reset();
    out.write_end.reset();
    write_all(in.write_end.get(), "before", "a pipe");
    EXPECT_EQ(read_bytes(out.read_end, 6), "before");
    for (const int number : k_endings)
        ::kill(keeper, number);
    write_all(in.write_end.get(), "after", "a pipe");
    in.write_end.reset();
    EXPECT_EQ(read_bytes(out.read_end, 16), "after");
    EXPECT_EQ(::waitpid(keeper, nullptr, 0), keeper);
}

class AskedCopier : public test::InTempFolder {
  protected:
    AskedCopier() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        ours = UniqueFd(ends[0]);
        asked = UniqueFd(ends[1]);
    }
    void ask() const { write_all(ours.get(), "?", "a socket"); }

    UniqueFd ours;
    UniqueFd asked;
    Pipe in = make_pipe();
};

TEST_F(AskedCopier, AnswersWhenAllThatCameIsWritten) {
    constexpr int k_room = 1 << 20;
    ASSERT_GE(::fcntl(in.write_end.get(), F_SETPIPE_SZ, k_room), k_room);
    const UniqueFd out = open_file(path("out"), O_WRONLY | O_CREAT, 0600);
    const pid_t keeper =
        start_keeper({.copies = {{in.read_end.get(), out.get()}}, .asked = asked.get()}, {}, in.write_end);
    asked.reset();
    ::kill(keeper, SIGSTOP);
    EXPECT_EQ(::waitpid(keeper, nullptr, WUNTRACED), keeper);
    const std::string text = numbers_to(60000);
    write_all(in.write_end.get(), text, "a pipe");
    ask();
    ::kill(keeper, SIGCONT);
    EXPECT_EQ(read_bytes(ours, 1).size(), 1U);
    EXPECT_EQ(read_file(path("out")), text);
    in.write_end.reset();
    EXPECT_EQ(::waitpid(keeper, nullptr, 0), keeper);
}

// What goes into the tree has no end that could be awaited.
TEST_F(AskedCopier, DoesNotWaitForWhatNobodyReads) {
    Pipe tree = make_pipe();
    ::fcntl(tree.write_end.get(), F_SETFL, O_NONBLOCK);
    const pid_t keeper =
        start_keeper({.feeds = {{in.read_end.get(), tree.write_end.get()}}, .asked = asked.get()}, {}, in.write_end);
    asked.reset();
    // More than the pipe to the tree takes.
    in.read_end.reset();
    write_all(in.write_end.get(), numbers_to(30000), "a pipe");
    const auto asked_at = std::chrono::steady_clock::now();
    ask();
    EXPECT_EQ(read_bytes(ours, 1).size(), 1U);
    EXPECT_LT(std::chrono::steady_clock::now() - asked_at, std::chrono::seconds(2));
    ::kill(keeper, SIGKILL);
    EXPECT_EQ(::waitpid(keeper, nullptr, 0), keeper);
}

} // namespace
} // namespace cedana::criu
