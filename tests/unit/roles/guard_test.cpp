// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/criu/adopted.hpp"
#include "cedana/roles/guard.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana::roles {
namespace {

// A guard with a shell in the place of CRIU. By its path: guarded by the program that is carried along; by its name: by
// the role.
class Guard : public test::InTempFolder, public testing::WithParamInterface<const char*> {
  protected:
    [[nodiscard]] SpawnRequest shell(const std::string& criu, std::vector<std::pair<int, int>> fds = {}) const {
        return {.argv = {GetParam(), "-c", criu}, .fds = std::move(fds), .cwd = path("").string()};
    }
    [[nodiscard]] ChildProcess start(const std::string& criu, std::vector<std::pair<int, int>> fds = {}) const {
        return start_guarded(shell(criu, std::move(fds)), path("restore.log"), -1);
    }
};

INSTANTIATE_TEST_SUITE_P(, Guard, testing::Values("/bin/sh", "sh"),
                         [](const auto& one) { return *one.param == '/' ? "Program" : "Role"; });

TEST_P(Guard, RunsCriuAsItWouldBeWithoutItAndEndsAsCriuEnds) {
    Pipe pipe = make_pipe();
    ChildProcess guard = start("pwd >&9; exit 3", {{pipe.write_end.get(), 9}});
    pipe.write_end.reset();
    EXPECT_EQ(read_all(pipe.read_end.get(), "a pipe", 4096), path("").parent_path().string() + "\n");
    EXPECT_EQ(guard.wait().code(), 3);
}

// Whoever reads from the tree must see its end, and whoever asks whether the folder is in use that it is.
TEST_P(Guard, HoldsOnlyWhatItIsToHoldBesideCriu) {
    ASSERT_EQ(::mkfifo(path("gate").c_str(), 0600), 0);
    Pipe tree = make_pipe();
    Pipe folder = make_pipe();
    ChildProcess guard = start_guarded(shell("exec 3>&- 9>&-; echo begun >gate; read -r go <gate",
                                             {{tree.write_end.get(), 9}, {folder.write_end.get(), 3}}),
                                       path("restore.log"), folder.write_end.get());
    tree.write_end.reset();
    folder.write_end.reset();
    EXPECT_EQ(read_file(path("gate")), "begun\n");
    EXPECT_EQ(read_all(tree.read_end.get(), "a pipe", 4096), "");
    ::fcntl(folder.read_end.get(), F_SETFL, O_NONBLOCK);
    char byte = 0;
    EXPECT_EQ(::read(folder.read_end.get(), &byte, 1), -1);
    write_all(open_file(path("gate"), O_WRONLY).get(), "go\n", "a fifo");
    EXPECT_TRUE(guard.wait().success());
    EXPECT_EQ(::read(folder.read_end.get(), &byte, 1), 0);
}

TEST_P(Guard, ThatIsToldToEndEndsCriuAndWhatItHasBegun) {
    ASSERT_EQ(::mkfifo(path("begun").c_str(), 0600), 0);
    ChildProcess guard = start("sleep infinity & echo $! >begun; wait");
    const auto begun = open_pidfd(std::stoi(read_file(path("begun"))));
    ASSERT_TRUE(begun);
    guard.signal(SIGTERM);
    guard.wait();
    EXPECT_FALSE(send_signal(*begun, 0));
}

TEST_P(Guard, EndsAsAKilledCriuEndsAndSoDoesWhatThatHasBegun) {
    ASSERT_EQ(::mkfifo(path("begun").c_str(), 0600), 0);
    ChildProcess guard = start("sleep infinity & echo $! >begun; read -r go <begun; kill -9 $$");
    const auto begun = open_pidfd(std::stoi(read_file(path("begun"))));
    ASSERT_TRUE(begun);
    write_all(open_file(path("begun"), O_WRONLY).get(), "go\n", "a fifo");
    EXPECT_EQ(guard.wait().shell_code(), 128 + SIGKILL);
    EXPECT_FALSE(send_signal(*begun, 0));
}

TEST_P(Guard, LeavesATreeThatIsBackAlthoughCriuWasKilledAfterwards) {
    const criu::Subreaper adopts;
    std::ofstream(path("restore.log")) << std::string(100'000, '.')
                                       << "\n(00.500000) Restore finished successfully. Tasks resumed.\n";
    ChildProcess guard = start("sleep infinity & echo $! >begun; kill -9 $$");
    EXPECT_EQ(guard.wait().shell_code(), 128 + SIGKILL);
    const auto begun = open_pidfd(std::stoi(read_file(path("begun"))));
    ASSERT_TRUE(begun);
    EXPECT_TRUE(send_signal(*begun, 0));
    adopts.kill_all();
}

// They would end or stop who does not ignore them.
TEST_P(Guard, IsNeitherEndedNorStoppedByWhatATerminalSends) {
    ASSERT_EQ(::mkfifo(path("gate").c_str(), 0600), 0);
    ChildProcess guard = start("echo begun >gate; read -r go <gate; exit 3");
    EXPECT_EQ(read_file(path("gate")), "begun\n");
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE})
        guard.signal(number);
    write_all(open_file(path("gate"), O_WRONLY).get(), "go\n", "a fifo");
    EXPECT_EQ(guard.wait().code(), 3);
}

TEST_P(Guard, LetsWhatAKeyHasStoppedGoOnWhereNobodyElseWould) {
    SpawnRequest criu = shell("kill -STOP $$; exit 3");
    criu.session = Session::own;
    ChildProcess guard = start_guarded(criu, path("restore.log"), -1, {}, KeyStops::continued);
    std::optional<ExitStatus> status;
    // Until it has stopped there is nothing to go on.
    while (!status) {
        guard.signal(SIGTSTP);
        status = guard.wait_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(status->code(), 3);
}

TEST_P(Guard, GivesCriuNeitherItsSignalsNorWhatItHolds) {
    Pipe held = make_pipe();
    Pipe pipe = make_pipe();
    ChildProcess guard =
        start_guarded(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status >&9; ls /proc/self/fd | wc -l >&9",
                            {{pipe.write_end.get(), 9}}),
                      path("restore.log"), held.write_end.get());
    pipe.write_end.reset();
    // SIGXFSZ; and three standard descriptors, the pipe, the folder that is listed.
    EXPECT_EQ(read_all(pipe.read_end.get(), "a pipe", 4096),
              "SigBlk:\t0000000000000000\nSigIgn:\t0000000001000000\n5\n");
    EXPECT_TRUE(guard.wait().success());
}

TEST_P(Guard, SaysThatItCannotStartCriu) {
    const UniqueFd out = open_file(path("out"), O_WRONLY | O_CREAT, 0600);
    const std::string name = *GetParam() == '/' ? "/nowhere/criu" : "no-such-criu";
    ChildProcess guard = start_guarded({.argv = {name}, .fds = {{out.get(), STDERR_FILENO}}}, path("restore.log"), -1);
    EXPECT_EQ(guard.wait().code(), k_role_failed);
    EXPECT_NE(read_file(path("out")).find("Error: cannot execute " + name), std::string::npos);
}

// A child that stands for what CRIU has begun.
class EndUnfinished : public test::InTempFolder {
  protected:
    EndUnfinished() {
        ChildProcess child = ChildProcess::spawn({.argv = {"sleep", "infinity"}});
        pid_ = child.pid();
        child.detach();
    }
    ~EndUnfinished() override { criu::kill_children(); }
    // One that is reaped has no pid any more.
    [[nodiscard]] bool child_lives() const { return ::kill(pid_, 0) == 0; }
    [[nodiscard]] std::filesystem::path log() const { return path("restore.log"); }
    // More than would be read into memory.
    void write_long_log(const std::string& end) const {
        write("restore.log", "(00.1) Forking task with 42 pid\n");
        std::filesystem::resize_file(log(), 65UL * 1024 * 1024);
        std::ofstream(log(), std::ios::app) << end;
    }

  private:
    pid_t pid_ = -1;
};

TEST_F(EndUnfinished, EndsWhatAFailedCriuHasLeft) {
    end_unfinished(ExitStatus::exited(1), log());
    EXPECT_FALSE(child_lives());
}

TEST_F(EndUnfinished, EndsWhatAKilledCriuHasLeft) {
    write("restore.log", "(00.1) Forking task with 42 pid\n");
    end_unfinished(ExitStatus::signalled(9), log());
    EXPECT_FALSE(child_lives());
}

TEST_F(EndUnfinished, LeavesATreeThatIsBack) {
    end_unfinished(ExitStatus::exited(0), log());
    EXPECT_TRUE(child_lives());
}

TEST_F(EndUnfinished, LeavesATreeThatIsBackAlthoughCriuWasKilledAfterwards) {
    write("restore.log", "(00.500000) Restore finished successfully. Tasks resumed.\n");
    end_unfinished(ExitStatus::signalled(9), log());
    EXPECT_TRUE(child_lives());
}

TEST_F(EndUnfinished, EndsWhatIsLeftHoweverLongTheLogIs) {
    write_long_log("(00.2) Forking task with 43 pid\n");
    end_unfinished(ExitStatus::signalled(9), log());
    EXPECT_FALSE(child_lives());
}

TEST_F(EndUnfinished, FindsATreeThatIsBackAtTheEndOfALongLog) {
    write_long_log("(00.500000) Restore finished successfully. Tasks resumed.\n");
    end_unfinished(ExitStatus::signalled(9), log());
    EXPECT_TRUE(child_lives());
}

TEST_F(EndUnfinished, EndsWhatIsLeftIfTheLogCannotBeRead) {
    std::filesystem::create_directory(log());
    end_unfinished(ExitStatus::signalled(9), log());
    EXPECT_FALSE(child_lives());
}

} // namespace
} // namespace cedana::roles
