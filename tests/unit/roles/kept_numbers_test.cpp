// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/process/open_files.hpp"
#include "cedana/roles/kept_numbers.hpp"
#include "cedana/roles/terminal.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include <sys/ioctl.h>
#include <unistd.h>

namespace cedana::roles {
namespace {

unsigned number_of_master(const UniqueFd& master) {
    unsigned number = 0;
    EXPECT_EQ(::ioctl(master.get(), TIOCGPTN, &number), 0);
    return number;
}

class KeptNumbers : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root: whose role it is";
    }
    ~KeptNumbers() override {
        if (::geteuid() == 0)
            free_kept_numbers(procfs);
    }
    // The kernel tells nobody else when somebody takes a terminal.
    [[nodiscard]] bool comes_to_be_held(unsigned number) const {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!is_held(number)) {
            if (std::chrono::steady_clock::now() > deadline)
                return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return true;
    }
    [[nodiscard]] bool is_held(unsigned number) const {
        return std::ranges::any_of(keepers_of_numbers(procfs), [&](pid_t pid) {
            return std::ranges::any_of(open_files(procfs, pid),
                                       [&](const OpenFile& file) { return file.master_of == number; });
        });
    }

    Procfs procfs;
};

TEST_F(KeptNumbers, AreTakenOnceTheyAreFreeAndFreedForARestore) {
    UniqueFd sudos = open_master_beside({});
    const unsigned number = number_of_master(sudos);
    keep_numbers({number});
    EXPECT_FALSE(is_held(number));
    sudos.reset();
    EXPECT_TRUE(comes_to_be_held(number));
    EXPECT_FALSE(open_master_of(number));
    free_kept_numbers(procfs);
    EXPECT_TRUE(keepers_of_numbers(procfs).empty());
    EXPECT_EQ(number_of_master(open_master_of(number)), number);
}

TEST_F(KeptNumbers, ThatAreFreeAreTakenAtOnce) {
    unsigned number = 0;
    {
        const UniqueFd lowest = open_master_beside({});
        number = number_of_master(lowest);
    }
    keep_numbers({number});
    EXPECT_TRUE(comes_to_be_held(number));
}

} // namespace
} // namespace cedana::roles
