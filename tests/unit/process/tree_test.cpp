// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/process/tree.hpp"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include <sys/resource.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::Forked;

ProcessTree tree_of(const Procfs& procfs, pid_t pid) {
    return read_tree(procfs, ProcessHandle::open(procfs, pid), ::getpid());
}

Error refusal_of(const Procfs& procfs, pid_t pid) {
    try {
        static_cast<void>(tree_of(procfs, pid));
    } catch (const Error& error) {
        return error;
    }
    return {Fault::internal, "not refused"};
}

class FewDescriptors {
  public:
    explicit FewDescriptors(rlim_t soft) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit lowered{.rlim_cur = soft, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &lowered);
    }
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;

  private:
    rlimit before_{};
};

// Returns once the child of this process has a child of its own.
void fork_once() {
    Pipe ready = make_pipe();
    if (::fork() == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        [[maybe_unused]] const ssize_t sent = ::write(ready.write_end.get(), "r", 1);
        testing::stay();
    }
    char byte = 0;
    [[maybe_unused]] const ssize_t heard = ::read(ready.read_end.get(), &byte, 1);
}

TEST(ReadTree, HoldsTheRootAndItsDescendants) {
    const Procfs procfs;
    const Forked child([] {
        fork_once();
        fork_once();
    });
    const ProcessTree tree = tree_of(procfs, child.pid());
    ASSERT_EQ(tree.processes.size(), 3U);
    EXPECT_EQ(tree.root().pid(), child.pid());
    EXPECT_EQ(tree.processes[1].stat.parent, child.pid());
    EXPECT_EQ(tree.processes[2].stat.parent, child.pid());
    EXPECT_TRUE(tree.contains(tree.processes[2].pid()));
    EXPECT_FALSE(tree.contains(::getpid()));
    EXPECT_GT(tree.resident_bytes(), 0U);
}

TEST(ReadTree, RefusesATreeForWhichTheDescriptorsAreTooFewBeforeItOpensAny) {
    FakeProc proc;
    const Forked root;
    proc.add({.pid = root.pid(), .parent = 1});
    // No process has these pids (proc(5), pid_max).
    constexpr pid_t k_first = 1 << 23;
    constexpr pid_t k_allowed = 300;
    for (pid_t pid = k_first; pid < k_first + k_allowed / 3; ++pid)
        proc.add({.pid = pid, .parent = root.pid()});
    const FewDescriptors few(k_allowed);
    const Error error = refusal_of(proc.procfs(), root.pid());
    EXPECT_EQ(error.fault(), Fault::environment);
    EXPECT_NE(error.message().find("open files"), std::string::npos) << error.message();
}

TEST(ReadTree, TellsWhatEachProcessIs) {
    const Procfs procfs;
    const Forked child;
    const ProcessTree tree = tree_of(procfs, child.pid());
    EXPECT_EQ(tree.root().executable, std::filesystem::read_symlink("/proc/self/exe"));
    EXPECT_EQ(tree.root().command_line, procfs.command_line(::getpid()));
    EXPECT_EQ(tree.root().threads, (std::vector<pid_t>{child.pid()}));
    EXPECT_EQ(tree.root().status.uid.real, ::getuid());
    EXPECT_TRUE(tree.root().handle.alive());
}

TEST(ReadTree, PutsEveryParentBeforeItsChildren) {
    const Procfs procfs;
    const Forked child([] {
        fork_once();
        const Forked* middle = new Forked([] { fork_once(); });
        static_cast<void>(middle);
    });
    const ProcessTree tree = tree_of(procfs, child.pid());
    ASSERT_EQ(tree.processes.size(), 4U);
    for (std::size_t i = 1; i < tree.processes.size(); ++i)
        EXPECT_TRUE(std::any_of(tree.processes.begin(), tree.processes.begin() + static_cast<std::ptrdiff_t>(i),
                                [&](const auto& one) { return one.pid() == tree.processes[i].stat.parent; }));
}

TEST(ReadTree, KeepsZombiesBelowTheRoot) {
    const Procfs procfs;
    const Forked child([] {
        const Forked* ended = new Forked([] {}, [] {});
        ended->wait_until_ended();
    });
    const ProcessTree tree = tree_of(procfs, child.pid());
    ASSERT_EQ(tree.processes.size(), 2U);
    EXPECT_TRUE(tree.processes[1].stat.is_zombie());
}

TEST(ReadTree, ComesToAnEndOnATreeThatForksWithoutPause) {
    const Procfs procfs;
    const Forked child([] {},
                       [] {
                           while (true) {
                               if (const pid_t pid = ::fork(); pid == 0)
                                   ::_exit(0);
                               else
                                   ::waitpid(pid, nullptr, 0);
                           }
                       });
    EXPECT_EQ(tree_of(procfs, child.pid()).root().pid(), child.pid());
}

TEST(ReadTree, RefusesTheFirstProcess) {
    const Error error = refusal_of(Procfs(), 1);
    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_FALSE(error.hint().empty());
}

TEST(ReadTree, RefusesCedanaItself) { EXPECT_EQ(refusal_of(Procfs(), ::getpid()).fault(), Fault::usage); }

TEST(ReadTree, RefusesAnAncestorOfCedana) {
    // Below a child, so that the ancestor is not pid 1 even where the test runs right under it.
    const Forked child;
    const Procfs procfs;
    FakeProc proc;
    proc.add({.pid = child.pid(), .comm = "bash"});
    proc.add({.pid = ::getpid(), .parent = child.pid(), .comm = "cedana"});
    const Error error = refusal_of(proc.procfs(), child.pid());
    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_NE(error.message().find("bash"), std::string::npos);
}

TEST(ReadTree, RefusesAKernelThread) {
    const Forked child;
    FakeProc proc;
    proc.add({.pid = child.pid(), .comm = "kworker/0:1", .executable = "", .flags = 0x00200000});
    const Error error = refusal_of(proc.procfs(), child.pid());
    EXPECT_EQ(error.fault(), Fault::usage);
    EXPECT_NE(error.message().find("kernel thread"), std::string::npos);
}

TEST(ReadTree, RefusesAZombieAndNamesItsParent) {
    const Procfs procfs;
    const Forked child;
    child.kill_only();
    const Error error = refusal_of(procfs, child.pid());
    EXPECT_EQ(error.fault(), Fault::no_process);
    EXPECT_NE(error.message().find(std::to_string(::getpid())), std::string::npos);
}

TEST(ReadTree, RefusesAProcessThatItMayNotLookInto) {
    const Forked child;
    FakeProc proc;
    proc.add({.pid = child.pid(), .comm = "secret", .executable = ""});
    EXPECT_EQ(refusal_of(proc.procfs(), child.pid()).fault(), Fault::permission);
}

TEST(ReadFrozenTree, HoldsWhatReadTreeDoes) {
    const Procfs procfs;
    const Forked child([] {
        fork_once();
        const Forked* middle = new Forked([] { fork_once(); });
        static_cast<void>(middle);
        const Forked* ended = new Forked([] {}, [] {});
        ended->wait_until_ended();
        // Of a thread that is not the first.
        Pipe forked = make_pipe();
        std::thread([&] {
            fork_once();
            [[maybe_unused]] const ssize_t sent = ::write(forked.write_end.get(), "f", 1);
            testing::stay();
        }).detach();
        char byte = 0;
        [[maybe_unused]] const ssize_t received = ::read(forked.read_end.get(), &byte, 1);
    });
    const auto ids = [](const ProcessTree& tree) {
        std::vector<ProcessId> sorted = tree.ids();
        std::sort(sorted.begin(), sorted.end());
        return sorted;
    };
    const ProcessTree frozen = read_frozen_tree(procfs, ProcessHandle::open(procfs, child.pid()));
    EXPECT_EQ(frozen.root().pid(), child.pid());
    EXPECT_EQ(ids(frozen), ids(tree_of(procfs, child.pid())));
    EXPECT_EQ(frozen.processes.size(), 6U);
}

// Enough for several threads.
TEST(ReadFrozenTree, HoldsManyProcessesInTheirOrder) {
    constexpr std::size_t k_children = 4 * k_least_processes_each;
    const Procfs procfs;
    const Forked child([] {
        for (std::size_t i = 0; i < k_children; ++i)
            fork_once();
    });
    const ProcessTree frozen = read_frozen_tree(procfs, ProcessHandle::open(procfs, child.pid()));
    EXPECT_EQ(frozen.processes.size(), k_children + 1);
    EXPECT_EQ(frozen.ids(), tree_of(procfs, child.pid()).ids());
}

// Of which the second is a child of the first.
class FrozenPair : public ::testing::Test {
  protected:
    FrozenPair() {
        proc.add({.pid = root.pid()});
        proc.add({.pid = child.pid(), .parent = root.pid()});
    }
    void list_children(pid_t pid, const std::string& children) {
        const auto thread = "task/" + std::to_string(pid);
        proc.write(pid, thread + "/children", children);
    }
    std::size_t size() const {
        return read_frozen_tree(proc.procfs(), ProcessHandle::open(proc.procfs(), root.pid())).processes.size();
    }

    Forked root;
    Forked child;
    FakeProc proc;
};

TEST_F(FrozenPair, IsFoundByTheListsOfChildrenAlone) {
    list_children(root.pid(), "");
    EXPECT_EQ(size(), 1U);
    list_children(root.pid(), std::to_string(child.pid()) + " ");
    list_children(child.pid(), "");
    EXPECT_EQ(size(), 2U);
}

TEST_F(FrozenPair, IsFoundAmongAllProcessesWhereTheKernelHasNoLists) { EXPECT_EQ(size(), 2U); }

TEST(ProcessName, IsThatOfTheScriptOrElseOfTheProgram) {
    const Forked child;
    FakeProc proc;
    proc.add({.pid = child.pid(),
              .comm = "jupyter-noteboo",
              .arguments = {"/usr/bin/python3", "/usr/bin/jupyter-notebook"},
              .executable = "/usr/bin/python3.11"});
    EXPECT_EQ(process_name(tree_of(proc.procfs(), child.pid())), "jupyter-notebook");
    proc.add({.pid = child.pid(), .comm = "worker", .arguments = {"title"}, .executable = "/usr/bin/python3.11"});
    EXPECT_EQ(process_name(tree_of(proc.procfs(), child.pid())), "python3.11");
}

// As a main thread that left by pthread_exit(3) is seen.
TEST(ReadTree, DoesNotTakeAProcessWhoseMainThreadHasEndedForAnEndedOne) {
    const Forked child;
    FakeProc proc;
    proc.add({.pid = child.pid(), .state = 'Z', .start_time = Procfs().stat(child.pid())->start_time});
    for (const pid_t thread : {child.pid(), child.pid() + 1})
        proc.write(child.pid(), fmt::format("task/{}/stat", thread), "");
    const Error error = refusal_of(proc.procfs(), child.pid());
    EXPECT_EQ(error.fault(), Fault::dump_failed);
    EXPECT_NE(error.message().find("others of its threads run"), std::string::npos) << error.message();
}

} // namespace
} // namespace cedana
