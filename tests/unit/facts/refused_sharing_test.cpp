// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/losses.hpp"
#include "cedana/facts/refusal.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;
using testing::holds;
using testing::Look;

int stay_for_ever(void* parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It may have been killed before.
    if (::getppid() == *static_cast<const pid_t*>(parent))
        testing::stay();
    return 0;
}

// In a child: one of its own that has in common with it what `flags` say.
void clone_child(int flags) {
    constexpr std::size_t k_stack = 64UL * 1024;
    char* const stack =
        static_cast<char*>(::mmap(nullptr, k_stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    // For as long as this process lives, whose memory the child has in common or a copy of.
    static pid_t parent = 0;
    parent = (flags & CLONE_PARENT) != 0 ? ::getppid() : ::getpid();
    ::clone(stay_for_ever, stack + k_stack, flags, &parent);
}

std::vector<Refusal> refused_cloned(int flags) {
    const Forked child([&] { clone_child(flags); });
    const Look look(Procfs(), child.pid());
    return refused_sharing(Procfs(), look.tree);
}

TEST(RefusedSharing, IsNotWhatAForkHas) { EXPECT_TRUE(refused_cloned(SIGCHLD).empty()); }

TEST(RefusedSharing, IsNotOfDescriptorsWithTheParent) { EXPECT_TRUE(refused_cloned(CLONE_FILES | SIGCHLD).empty()); }

TEST(RefusedSharing, IsOfMemory) {
    const auto refusals = refused_cloned(CLONE_VM | SIGCHLD);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "has its memory in common with process"));
    EXPECT_TRUE(holds(refusals[0].sentence, "CLONE_VM"));
    EXPECT_NE(refusals[0].hint, "");
}

TEST(RefusedSharing, IsToldOnceOfAProcessThatSharesAll) {
    EXPECT_EQ(refused_cloned(CLONE_VM | CLONE_FS | CLONE_SIGHAND | SIGCHLD).size(), 1U);
}

TEST(RefusedSharing, IsOfTheWorkingFolder) {
    const auto refusals = refused_cloned(CLONE_FS | SIGCHLD);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "working folder and umask in common"));
}

TEST(RefusedSharing, IsOfDescriptorsWithABrother) {
    const Forked child([] {
        testing::fork_that_stays([] { clone_child(CLONE_PARENT | CLONE_FILES | SIGCHLD); });
        // Both are there.
        while (true) {
            std::ifstream file("/proc/thread-self/children");
            if (std::distance(std::istream_iterator<pid_t>(file), {}) == 2)
                break;
            ::sched_yield();
        }
    });
    const Look look(Procfs(), child.pid());
    const auto refusals = refused_sharing(Procfs(), look.tree);
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "CLONE_FILES"));
}

// What a thread leaves by unshare(2).
std::string lost_by_thread(int flags) {
    const Forked child([&] {
        const Pipe left = make_pipe();
        std::thread([&] {
            [[maybe_unused]] const char said = ::unshare(flags) == 0 ? '1' : '0';
            [[maybe_unused]] const ssize_t sent = ::write(left.write_end.get(), &said, 1);
            testing::stay();
        }).detach();
        char said = 0;
        [[maybe_unused]] const ssize_t received = ::read(left.read_end.get(), &said, 1);
        if (said != '1')
            ::prctl(PR_SET_NAME, "unfit");
    });
    const Look look(Procfs(), child.pid());
    if (look.tree.root().stat.comm == "unfit")
        return "unfit";
    const auto losses = find_lost_sharing(Procfs(), look.tree);
    return losses.empty() ? "" : losses.front();
}

TEST(LostSharing, IsNothingOfAThreadThatHasAllInCommon) { EXPECT_EQ(lost_by_thread(0), ""); }

TEST(LostSharing, IsTheWorkingFolderOfAThread) {
    EXPECT_TRUE(holds(lost_by_thread(CLONE_FS), "the root, working folder and umask of its own that thread "));
}

TEST(LostSharing, IsTheTableOfDescriptorsOfAThread) {
    EXPECT_TRUE(holds(lost_by_thread(CLONE_FILES), "the table of descriptors of its own"));
}

TEST(LostSharing, IsANamespaceOfAThread) {
    for (const auto& [flag, name] :
         {std::pair{CLONE_NEWNET, "(net)"}, {CLONE_NEWUTS, "(uts)"}, {CLONE_NEWIPC, "(ipc)"}}) {
        const std::string loss = lost_by_thread(flag);
        if (loss == "unfit")
            GTEST_SKIP() << "this user may make no namespaces";
        EXPECT_TRUE(holds(loss, name)) << loss;
    }
}

std::string lost_by_child(int end_signal) {
    const Forked child([&] { clone_child(end_signal); });
    const Look look(Procfs(), child.pid());
    const auto losses = find_lost_sharing(Procfs(), look.tree);
    return losses.empty() ? "" : losses.front();
}

TEST(LostSharing, IsTheSignalByWhichAChildTellsItsEnd) {
    EXPECT_EQ(lost_by_child(SIGCHLD), "");
    EXPECT_TRUE(holds(lost_by_child(SIGUSR1), fmt::format("sends signal {} when it ends", SIGUSR1)));
    EXPECT_TRUE(holds(lost_by_child(0), "sends no signal when it ends"));
}

} // namespace
} // namespace cedana
