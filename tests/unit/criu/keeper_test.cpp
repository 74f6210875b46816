// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/keeper.hpp"

#include <array>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

TEST(KeeperPlan, IsReadAsItWasWritten) {
    const KeeperPlan plan{
        .copies = {{100, 101}, {102, 103}}, .master = 104, .output = 105, .told = 106, .root_file = "/run/cedana/a b"};
    EXPECT_EQ(read_plan(write_plan(plan)), plan);
}

TEST(KeeperPlan, OfACopierHasNoTerminal) {
    const KeeperPlan plan = read_plan(write_plan({.copies = {{100, 101}}}));
    EXPECT_EQ(plan.copies.size(), 1U);
    EXPECT_EQ(plan.master, -1);
}

TEST(KeeperPlan, ThatIsNoneIsRefused) { EXPECT_THROW(static_cast<void>(read_plan("{}")), Error); }

// A keeper of a terminal with a shell in the place of CRIU.
class TerminalKeeper : public test::InTempFolder {
  protected:
    // What it tells, to its end.
    [[nodiscard]] std::string told_after(std::string criu) const {
        const UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
        EXPECT_TRUE(master && ::grantpt(master.get()) == 0 && ::unlockpt(master.get()) == 0);
        const UniqueFd output = open_file("/dev/null", O_WRONLY);
        Pipe told = make_pipe();
        const pid_t keeper = ::fork();
        if (keeper == 0) {
            const std::string plan = write_plan({.master = master.get(),
                                                 .output = output.get(),
                                                 .told = told.write_end.get(),
                                                 .root_file = root_file().string()});
            ::setsid();
            ::setenv(k_keeper, plan.c_str(), 1);
            std::string program = "sh";
            std::string option = "-c";
            std::array<char*, 5> argv = {program.data(), program.data(), option.data(), criu.data(), nullptr};
            ::_exit(run_keeper(argv.data()));
        }
        told.write_end.reset();
        std::string bytes = read_all(told.read_end.get(), "what the keeper tells", 16);
        EXPECT_EQ(::waitpid(keeper, nullptr, 0), keeper);
        return bytes;
    }
    [[nodiscard]] std::filesystem::path root_file() const { return path("restore.pid"); }
};

TEST_F(TerminalKeeper, TellsHowCriuEndedAndThenHowTheTreeDid) {
    EXPECT_EQ(told_after("(exit 7) & echo $! >" + root_file().string()), std::string({'\0', '\7'}));
}

// Whoever it tells removes the file.
TEST_F(TerminalKeeper, DoesNotTellThatTheTreeIsBackBeforeItKnowsItsRoot) { EXPECT_EQ(told_after("exit 0"), ""); }

} // namespace
} // namespace cedana::criu
