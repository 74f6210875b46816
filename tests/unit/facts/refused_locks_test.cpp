// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/refusal.hpp"

#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

using testing::Forked;
using testing::holds;
using testing::Look;

class HeldLock : public test::InTempFolder {
  protected:
    [[nodiscard]] int open_lock() const { return ::open(path("lock").c_str(), O_RDWR | O_CREAT, 0600); }
    [[nodiscard]] std::function<void()> taking() const {
        return [this] { ::flock(open_lock(), LOCK_EX); };
    }
    static std::vector<Refusal> refused(pid_t pid) {
        const Look look(Procfs(), pid);
        return refused_locks(Procfs(), look.holdings);
    }
    // It is in the kernel's list once it waits.
    static void await_waiter(pid_t pid) {
        while (!holds(Procfs().read("locks").value_or(""), fmt::format(" {} ", pid)))
            ::usleep(1000);
    }
};

TEST_F(HeldLock, IsRefusedWhileSomebodyOutsideWaitsForIt) {
    const Forked holder(taking());
    const Forked waiter([] {}, taking());
    await_waiter(waiter.pid());
    const auto refusals = refused(holder.pid());
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(holds(refusals[0].sentence, fmt::format("for which process {}", waiter.pid()))) << refusals[0].sentence;
    EXPECT_TRUE(holds(refusals[0].hint, fmt::format("end process {} first", waiter.pid())));
}

TEST_F(HeldLock, IsNotRefusedByItself) {
    const Forked holder(taking());
    EXPECT_TRUE(refused(holder.pid()).empty());
}

TEST_F(HeldLock, IsNotRefusedWhereTheTreeItselfWaits) {
    const Forked holder([this] {
        ::flock(open_lock(), LOCK_EX);
        testing::fork_that_stays(taking());
    });
    await_waiter(Procfs().children(holder.pid()).value().at(0));
    EXPECT_TRUE(refused(holder.pid()).empty());
}

} // namespace
} // namespace cedana
