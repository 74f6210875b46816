// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/process/find.hpp"

#include <gtest/gtest.h>

#include "unit/process/fake_proc.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::FakeProcess;

constexpr pid_t k_self = 900;

// A host on which `sudo cedana client dump -n NAME` was typed into a shell.
class FindProcess : public ::testing::Test {
  protected:
    FindProcess() {
        proc.add({.pid = 1, .parent = 0, .comm = "systemd", .executable = "/usr/lib/systemd/systemd"});
        proc.add({.pid = 2, .parent = 0, .comm = "kthreadd", .executable = "", .flags = 0x00200000});
    }

    FindResult find(const std::string& name) {
        add_cedana(k_self, {"-n", name});
        return find_by_name(proc.procfs(), name, k_self);
    }

    pid_t winner(const std::string& name) {
        const FindResult result = find(name);
        return result.winner ? result.winner->id.pid : 0;
    }

    Error refusal(const std::string& name, Purpose purpose = Purpose::look) {
        try {
            static_cast<void>(choose(find(name), purpose));
        } catch (const Error& error) {
            return error;
        }
        return {Fault::internal, "not refused"};
    }

    // The shell (two pids below), sudo and cedana itself.
    void add_cedana(pid_t pid, std::vector<std::string> arguments) {
        std::vector<std::string> cedana = {"cedana", "client", "dump"};
        cedana.insert(cedana.end(), arguments.begin(), arguments.end());
        std::vector<std::string> sudo = cedana;
        sudo.insert(sudo.begin(), "sudo");
        proc.add({.pid = pid - 2, .comm = "bash", .arguments = {"-bash"}, .executable = "/usr/bin/bash"});
        proc.add({.pid = pid - 1, .parent = pid - 2, .comm = "sudo", .arguments = sudo, .executable = "/usr/bin/sudo"});
        proc.add({.pid = pid,
                  .parent = pid - 1,
                  .comm = "cedana",
                  .arguments = cedana,
                  .executable = "/usr/local/bin/cedana"});
    }

    void add_program(pid_t pid, const std::string& name, pid_t parent = 1, pid_t group = 0) {
        proc.add({.pid = pid,
                  .parent = parent,
                  .comm = name,
                  .arguments = {"/usr/bin/" + name},
                  .executable = "/usr/bin/" + name,
                  .group = group});
    }

    FakeProc proc;
};

TEST_F(FindProcess, FindsAProgramByItsName) {
    add_program(10, "nginx");
    add_program(11, "postgres");
    const FindResult result = find("nginx");
    ASSERT_TRUE(result.winner);
    EXPECT_EQ(result.winner->id, (ProcessId{.pid = 10, .start_time = 1000}));
    EXPECT_EQ(result.winner->match.kind, MatchKind::comm);
    EXPECT_EQ(result.winner->command_line, "/usr/bin/nginx");
    EXPECT_EQ(choose(result, Purpose::end_or_signal).id.pid, 10);
}

TEST_F(FindProcess, FindsTheNotebookAmongFiftyOthers) {
    for (pid_t pid = 100; pid < 150; ++pid)
        add_program(pid, "daemon" + std::to_string(pid));
    proc.add({.pid = 60,
              .comm = "jupyter-noteboo",
              .arguments = {"/usr/bin/python3", "/usr/local/bin/jupyter-notebook", "--port", "8000"},
              .executable = "/usr/bin/python3.11"});
    proc.add({.pid = 61,
              .comm = "python3",
              .arguments = {"/usr/bin/python3", "/usr/local/bin/jupyter-lab"},
              .executable = "/usr/bin/python3.11"});
    EXPECT_EQ(winner("jupyter notebook"), 60);
}

TEST_F(FindProcess, NeverFindsCedanaItselfOrSudo) {
    EXPECT_TRUE(find("train.py").candidates.empty());
    EXPECT_EQ(refusal("train.py").fault(), Fault::no_process);
}

TEST_F(FindProcess, NeverFindsTheProgramsCedanaRunsUnder) {
    for (const std::string name : {"cedana", "sudo", "bash"})
        EXPECT_EQ(winner(name), 0) << name;
}

TEST_F(FindProcess, NeverFindsAnotherCedanaOrWhatStartedIt) {
    add_cedana(500, {"-n", "train.py"});
    EXPECT_TRUE(find("train.py").candidates.empty());
}

TEST_F(FindProcess, StillFindsTheShellThatAnotherCedanaRunsIn) {
    add_cedana(500, {"-n", "train.py"});
    EXPECT_EQ(winner("bash"), 498);
}

TEST_F(FindProcess, NeverFindsKernelThreadsZombiesOrTheFirstProcess) {
    proc.add({.pid = 10, .comm = "worker", .executable = "", .flags = 0x00200000});
    proc.add({.pid = 11, .comm = "worker", .state = 'Z'});
    EXPECT_EQ(winner("worker"), 0);
    EXPECT_EQ(winner("systemd"), 0);
}

TEST_F(FindProcess, TakesTheParentForWorkersThatMatchNoBetter) {
    add_program(10, "nginx");
    add_program(11, "nginx", 10);
    add_program(12, "nginx", 10);
    const FindResult result = find("nginx");
    ASSERT_TRUE(result.winner);
    EXPECT_EQ(result.winner->id.pid, 10);
    EXPECT_EQ(result.winner->represents, (std::vector<pid_t>{11, 12}));
}

TEST_F(FindProcess, TakesTheParentOfTwoEqualWorkersOfOneJob) {
    add_program(10, "supervisor");
    add_program(11, "worker", 10, 10);
    add_program(12, "worker", 10, 10);
    const FindResult result = find("worker");
    ASSERT_TRUE(result.winner);
    EXPECT_EQ(result.winner->id.pid, 10);
    EXPECT_EQ(result.winner->match.text, "worker");
    EXPECT_EQ(result.winner->represents, (std::vector<pid_t>{11, 12}));
}

TEST_F(FindProcess, RefusesTwoEqualJobsOfOneShell) {
    add_program(10, "bash");
    add_program(11, "redis", 10, 11);
    add_program(12, "redis", 10, 12);
    EXPECT_EQ(refusal("redis").fault(), Fault::no_process);
}

TEST_F(FindProcess, RefusesTwoUnrelatedEqualsAndNamesBoth) {
    add_program(10, "worker");
    add_program(11, "worker");
    const Error error = refusal("worker");
    EXPECT_EQ(error.fault(), Fault::no_process);
    EXPECT_NE(error.message().find("process 10 (/usr/bin/worker, exact)"), std::string::npos);
    EXPECT_NE(error.message().find("process 11 (/usr/bin/worker, exact)"), std::string::npos);
    EXPECT_NE(error.hint().find("give its pid"), std::string::npos);
}

TEST_F(FindProcess, RefusesWhatDoesNotLeadClearly) {
    add_program(10, "server-alpha-1");
    add_program(11, "server-alpha-2");
    EXPECT_EQ(winner("server-alpha-3"), 0);
}

TEST_F(FindProcess, TakesAnExactMatchHoweverCloseOthersAre) {
    add_program(10, "server-alpha-1");
    add_program(11, "server-alpha-2");
    EXPECT_EQ(winner("server-alpha-2"), 11);
}

TEST_F(FindProcess, WantsALeadForMereWordsOfACommandLine) {
    proc.add({.pid = 10, .comm = "less", .arguments = {"less", "server-alpha-1"}, .executable = "/usr/bin/less"});
    add_program(11, "server-alpha-2");
    EXPECT_EQ(winner("server-alpha-1"), 0);
}

TEST_F(FindProcess, RefusesAProgramBesideAnEditorOfIt) {
    proc.add({.pid = 10, .comm = "vim", .arguments = {"vim", "train.py"}, .executable = "/usr/bin/vim"});
    proc.add({.pid = 11, .comm = "python3", .arguments = {"python3", "train.py"}, .executable = "/usr/bin/python3"});
    EXPECT_EQ(refusal("train.py").fault(), Fault::no_process);
}

TEST_F(FindProcess, TakesTheProgramAndNotWhatItWasStartedWith) {
    proc.add({.pid = 10, .comm = "tmux", .arguments = {"tmux", "new", "train.py"}, .executable = "/usr/bin/tmux"});
    proc.add({.pid = 11,
              .parent = 10,
              .comm = "python3",
              .arguments = {"python3", "train.py"},
              .executable = "/usr/bin/python3"});
    EXPECT_EQ(winner("train.py"), 11);
}

TEST_F(FindProcess, TakesTheBestOfOneTreeEvenIfItsParentComesClose) {
    add_program(10, "server-alpha");
    add_program(11, "server-alpha1", 10);
    EXPECT_EQ(winner("server-alpha1"), 11);
}

TEST_F(FindProcess, FindsNothingBelowTheLeastScore) {
    add_program(10, "abcdezzzz");
    const FindResult result = find("abcdeyyyy");
    EXPECT_FALSE(result.winner);
    EXPECT_EQ(result.candidates.size(), 1U);
}

TEST_F(FindProcess, TakesTheLeastScoreItself) {
    add_program(10, "abczz");
    EXPECT_EQ(winner("abcyy"), 10);
}

// What is similar may be another program: of one that runs on only a copy is made, and that is all that is done to it.
TEST_F(FindProcess, EndsNothingThatIsOnlySimilar) {
    for (const auto& [running, typed] : std::vector<std::pair<std::string, std::string>>{
             {"worker1", "worker2"}, {"alpha_worker", "beta_worker"}, {"any-process", "my_process"}}) {
        add_program(10, running);
        EXPECT_EQ(winner(typed), 10) << typed;
        const Error error = refusal(typed, Purpose::end_or_signal);
        EXPECT_EQ(error.fault(), Fault::no_process) << typed;
        EXPECT_NE(error.cause().find("process 10 (/usr/bin/" + running), std::string::npos) << error.cause();
    }
}

TEST_F(FindProcess, EndsNoProgramThatOnlyHasTheNameOnItsCommandLine) {
    proc.add({.pid = 10, .comm = "less", .arguments = {"less", "worker2"}, .executable = "/usr/bin/less"});
    EXPECT_EQ(winner("worker2"), 10);
    EXPECT_EQ(refusal("worker2", Purpose::end_or_signal).fault(), Fault::no_process);
}

TEST_F(FindProcess, EndsNoParentForItsEqualChildren) {
    add_program(10, "supervisor");
    add_program(11, "worker", 10, 10);
    add_program(12, "worker", 10, 10);
    EXPECT_EQ(winner("worker"), 10);
    EXPECT_EQ(refusal("worker", Purpose::end_or_signal).fault(), Fault::no_process);
}

TEST_F(FindProcess, EndsNoProgramOfTheSameNameInAnotherFolder) {
    add_program(10, "worker");
    EXPECT_EQ(refusal("/opt/worker", Purpose::end_or_signal).fault(), Fault::no_process);
    EXPECT_EQ(refusal("/usr/bin/worker", Purpose::end_or_signal).fault(), Fault::internal);
}

TEST_F(FindProcess, EndsTheNotebookByItsName) {
    proc.add({.pid = 10,
              .comm = "python3",
              .arguments = {"python3", "/usr/local/bin/jupyter-notebook"},
              .executable = "/usr/bin/python3.11"});
    EXPECT_EQ(choose(find("jupyter notebook"), Purpose::end_or_signal).id.pid, 10);
}

TEST_F(FindProcess, PrefersTheSameLettersAndThenWhatIsExactToWhatIsSimilar) {
    proc.add({.pid = 10, .comm = "python3", .arguments = {"python3", "train.py"}, .executable = "/usr/bin/python3"});
    add_program(11, "trains");
    EXPECT_EQ(winner("train"), 10);
    add_program(12, "train");
    EXPECT_EQ(winner("train"), 12);
    add_program(13, "Train");
    EXPECT_EQ(winner("train"), 12);
}

TEST_F(FindProcess, RefusesTwoThatAreExactAlike) {
    for (const auto& [pid, script] : std::vector<std::pair<pid_t, std::string>>{{10, "train.py"}, {11, "train.sh"}})
        proc.add({.pid = pid, .comm = "run", .arguments = {"bash", script}, .executable = "/usr/bin/bash"});
    EXPECT_EQ(winner("train"), 0);
    EXPECT_EQ(winner("train.sh"), 11);
}

TEST_F(FindProcess, RefusesAProgramBesideTwoOfItThatOneParentStandsFor) {
    add_program(10, "supervisor");
    add_program(11, "worker", 10, 10);
    add_program(12, "worker", 10, 10);
    add_program(13, "worker");
    EXPECT_EQ(winner("worker"), 0);
}

TEST_F(FindProcess, SuggestsTheNearestNameWhenNothingMatches) {
    add_program(10, "postgres");
    const Error error = refusal("pstgres-main");
    EXPECT_EQ(error.fault(), Fault::no_process);
    EXPECT_NE(error.message().find("pstgres-main"), std::string::npos);
    EXPECT_NE(error.cause().find("process 10"), std::string::npos);
    EXPECT_NE(error.hint().find("postgres"), std::string::npos);
}

TEST_F(FindProcess, ShowsCandidatesBestFirst) {
    add_program(10, "nginy");
    add_program(11, "nginx");
    add_program(12, "nginyy");
    const FindResult result = find("nginx");
    ASSERT_EQ(result.candidates.size(), 3U);
    EXPECT_EQ(result.candidates[0].id.pid, 11);
    EXPECT_EQ(result.candidates[1].id.pid, 10);
    EXPECT_EQ(result.candidates[2].id.pid, 12);
}

TEST_F(FindProcess, LetsNoNameSteerTheTerminal) {
    add_program(10, "wor\x1bker");
    add_program(11, "wor\x1bker");
    EXPECT_EQ(refusal("worker").message().find('\x1b'), std::string::npos);
}

TEST_F(FindProcess, PassesOverProcessesThatVanish) {
    add_program(10, "nginx");
    proc.write(11, "cmdline", "nginx");
    EXPECT_EQ(winner("nginx"), 10);
}

TEST_F(FindProcess, NeedsAName) { EXPECT_EQ(refusal("").fault(), Fault::usage); }

} // namespace
} // namespace cedana
