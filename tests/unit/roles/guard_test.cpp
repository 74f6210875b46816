// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/files.hpp"
#include "cedana/criu/adopted.hpp"
#include "cedana/roles/guard.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

TEST(Guarded, IsThisProgramWithCriuAsItsArgumentsAndNothingElseChanged) {
    const SpawnRequest request =
        guarded({.argv = {"criu", "restore"}, .fds = {{7, 3}}, .env = {{"PATH=/bin"}}}, "self", 3);
    EXPECT_EQ(request.argv, (std::vector<std::string>{"self", "criu", "restore"}));
    EXPECT_EQ(request.fds, (std::vector<std::pair<int, int>>{{7, 3}}));
    EXPECT_EQ(request.env, (std::vector<std::string>{"PATH=/bin", "CEDANA_RESTORE_GUARD=3"}));
}

// A guard with a shell in the place of CRIU, a child of this process.
class GuardToldToEnd : public test::InTempFolder {
  protected:
    [[nodiscard]] pid_t start(std::string criu) const {
        const pid_t guard = ::fork();
        if (guard == 0) {
            ::setenv(k_restore_guard, "-1", 1);
            std::string program = "sh";
            std::string option = "-c";
            std::array<char*, 5> argv = {program.data(), program.data(), option.data(), criu.data(), nullptr};
            ::_exit(::chdir(path("").c_str()) == 0 ? run_restore_guard(argv.data()) : 1);
        }
        return guard;
    }
};

TEST_F(GuardToldToEnd, EndsCriuAndWhatItHasBegun) {
    ASSERT_EQ(::mkfifo(path("begun").c_str(), 0600), 0);
    const pid_t guard = start("sleep infinity & echo $! >begun; wait");
    const auto begun = open_pidfd(std::stoi(read_file(path("begun"))));
    ASSERT_TRUE(begun);
    ASSERT_EQ(::kill(guard, SIGTERM), 0);
    EXPECT_EQ(::waitpid(guard, nullptr, 0), guard);
    EXPECT_FALSE(send_signal(*begun, 0));
}

// A child that stands for what CRIU has begun.
class EndUnfinished : public test::InTempFolder {
  protected:
    EndUnfinished() {
        ChildProcess child = ChildProcess::spawn({.argv = {"sleep", "infinity"}});
        pid_ = child.pid();
        child.detach();
    }
    ~EndUnfinished() override { kill_children(); }
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
} // namespace cedana::criu
