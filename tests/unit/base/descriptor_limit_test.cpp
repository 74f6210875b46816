// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/descriptor_limit.hpp"
#include "cedana/base/error.hpp"

#include <functional>

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cedana {
namespace {

constexpr rlim_t k_soft = 300;
constexpr rlim_t k_hard = 400;

// In a child with these limits, since they last.
bool holds_in_a_child(const std::function<bool()>& claim) {
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit limit{.rlim_cur = k_soft, .rlim_max = k_hard};
        ::_exit(::setrlimit(RLIMIT_NOFILE, &limit) == 0 && claim() ? 0 : 1);
    }
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(DescriptorLimit, IsRaisedToTheHardOne) {
    EXPECT_TRUE(holds_in_a_child([] {
        raise_descriptor_limit();
        return descriptor_limit() == k_hard;
    }));
}

TEST(DescriptorLimit, DoesNotCountWhatIsThereForAWhile) {
    EXPECT_TRUE(holds_in_a_child([] {
        rlimit within{};
        {
            const MoreDescriptors more(50);
            const bool is_right = more.count() == 50 && descriptor_limit() == k_soft;
            if (::getrlimit(RLIMIT_NOFILE, &within) != 0 || !is_right)
                return false;
        }
        return within.rlim_cur == k_soft + 50 && descriptor_limit() == k_soft;
    }));
}

TEST(DescriptorLimit, IsRememberedAsItWasBefore) {
    EXPECT_TRUE(holds_in_a_child([] {
        raise_descriptor_limit();
        return descriptor_limit_at_start() == k_soft;
    }));
}

TEST(DescriptorLimit, ThatWasNeverRaisedIsThatOfTheStart) {
    EXPECT_TRUE(holds_in_a_child([] { return descriptor_limit_at_start() == k_soft; }));
}

TEST(RequireDescriptors, RefusesWithTheFigureAndTheRemedy) {
    try {
        require_descriptors(6128, "a dump", 1024);
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
        EXPECT_EQ(error.message(), "a dump needs room for 6128 open files, and 1024 are allowed here (RLIMIT_NOFILE)");
        EXPECT_NE(error.hint().find("ulimit -Hn 6128"), std::string::npos) << error.hint();
    }
}

TEST(RequireDescriptors, TakesWhatIsJustEnough) { EXPECT_NO_THROW(require_descriptors(1024, "a dump", 1024)); }

} // namespace
} // namespace cedana
