// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/caller.hpp"

#include "unit/model/config_fixture.hpp"

namespace cedana::testing {

namespace {

Environment environment_of(std::map<std::string, std::string> values) {
    return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
        const auto found = values.find(name);
        return found == values.end() ? std::nullopt : std::optional(found->second);
    };
}

TEST(Caller, IsTheRealUserWithItsHomeVariable) {
    const Caller caller = caller_from_system(environment_of({{"HOME", "/somewhere"}}));

    EXPECT_EQ(caller.uid, ::getuid());
    EXPECT_EQ(caller.home, "/somewhere");
}

TEST(Caller, TakesTheHomeOfTheUserDatabaseWithoutAVariable) {
    EXPECT_NE(caller_from_system(environment_of({})).home, "/somewhere");
}

class CallerBehindSudo : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::getuid() != 0 || ::geteuid() != 0)
            GTEST_SKIP() << "needs root, as sudo gives it";
    }
};

TEST_F(CallerBehindSudo, IsTheUserOfSudoUserWithTheHomeOfTheUserDatabase) {
    const Caller caller =
        caller_from_system(environment_of({{"SUDO_USER", "nobody"}, {"SUDO_UID", "0"}, {"HOME", "/somewhere"}}));

    EXPECT_EQ(caller.name, "nobody");
    EXPECT_EQ(caller.uid, k_nobody);
    EXPECT_NE(caller.home, "/somewhere");
    EXPECT_TRUE(acts_as_root_for(caller));
}

TEST_F(CallerBehindSudo, IsRootWhenRootUsesSudo) {
    const Caller caller = caller_from_system(environment_of({{"SUDO_USER", "root"}}));

    EXPECT_TRUE(caller.is_root());
    EXPECT_FALSE(acts_as_root_for(caller));
}

TEST_F(CallerBehindSudo, MustExist) {
    const Environment environment = environment_of({{"SUDO_USER", "no-such-user"}});

    EXPECT_EQ(error_of([&] { static_cast<void>(caller_from_system(environment)); }).fault(), Fault::environment);
}

} // namespace

} // namespace cedana::testing
