// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <array>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::Forked;
using testing::holds;
using testing::Look;
using testing::must;
using testing::stay;

int new_pipe() {
    std::array<int, 2> ends{};
    must(::pipe(ends.data()) == 0);
    return ends[0];
}

void name_owner(int fd, decltype(f_owner_ex::type) type, pid_t whom) {
    const f_owner_ex owner{.type = type, .pid = whom};
    must(::fcntl(fd, F_SETOWN_EX, &owner) == 0);
}

std::vector<Refusal> owners_refused_of_child(const std::function<void()>& set_up) {
    const Forked child(set_up);
    const Look look(Procfs(), child.pid());
    return refused_owners(look.holdings);
}

TEST(RefusedOwners, AreThreads) {
    const auto refusals = owners_refused_of_child([] {
        const int pipe = new_pipe();
        bool is_told = false;
        std::thread([&] {
            name_owner(pipe, F_OWNER_TID, static_cast<pid_t>(::syscall(SYS_gettid)));
            __atomic_store_n(&is_told, true, __ATOMIC_RELEASE);
            stay();
        }).detach();
        while (!__atomic_load_n(&is_told, __ATOMIC_ACQUIRE))
            std::this_thread::yield();
    });
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, "F_OWNER_TID")) << refusals[0].sentence;
}

TEST(RefusedOwners, AreNoProcessesNorGroups) {
    const auto refusals = owners_refused_of_child([] {
        name_owner(new_pipe(), F_OWNER_PID, ::getpid());
        name_owner(new_pipe(), F_OWNER_PGRP, ::getpgrp());
        // The first thread has the number of its process.
        name_owner(new_pipe(), F_OWNER_TID, ::getpid());
        new_pipe();
    });
    EXPECT_TRUE(refusals.empty()) << refusals[0].sentence;
}

} // namespace
} // namespace cedana
