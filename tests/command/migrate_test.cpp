// SPDX-License-Identifier: Apache-2.0
// A migration whose other end is a script (support/scripted_target.py): what the source does, whatever that end does.
#include "cedana/base/files.hpp"

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Migrate : public WithTarget {
  protected:
    const std::string k_target = CEDANA_SOURCE_DIR "/tests/support/scripted_target.py";

    [[nodiscard]] std::vector<std::string> arguments(const Target& one, const std::string& behaviour) const {
        return {"client", "migrate", one.pid_text(), "beta", "--ssh", "python3 " + k_target + " " + behaviour,
                "-d",     store()};
    }
    [[nodiscard]] CedanaRun migrate(const std::string& behaviour) const { return cedana(arguments(target, behaviour)); }
    // It runs on as if nothing had been.
    void expect_untouched(const CedanaRun& run) const {
        EXPECT_TRUE(target.runs()) << run.err;
        EXPECT_EQ(names_in(store()), std::vector<std::string>()) << run.err;
    }
};

TEST_F(Migrate, EndsTheTreeOnceTheOtherHostHasIt) {
    const CedanaRun run = migrate("accept");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, "beta 4242\n");
    EXPECT_EQ(target.wait_end().signal(), SIGKILL);
    ASSERT_EQ(names_in(store()).size(), 2U);
    // What was given away is not brought back by mistake.
    const fs::path zip = store() / names_in(store()).front();
    const CedanaRun restored = restore(zip);
    EXPECT_EQ(restored.exit_code, 7);
    EXPECT_TRUE(holds(restored.err, "the tree of this checkpoint was given to another host"));
}

TEST_F(Migrate, FreezesNothingThatTheOtherHostWouldNotTake) {
    const CedanaRun run = migrate("refuse");
    EXPECT_EQ(run.exit_code, 11) << run.err;
    EXPECT_TRUE(holds(run.err, "there is no /usr/bin/x here"));
    EXPECT_EQ(criu_runs("dump"), std::vector<std::string>());
    expect_untouched(run);
}

// CRIU tells its version, by which the look at the tree begins, only once ssh is at work.
TEST_F(Migrate, LooksAtTheTreeWhileSshLogsIn) {
    const std::string begun = scratch("login-has-begun").string();
    write_script(scratch("ssh"), "#!/bin/sh\ntouch " + begun + "\nexec python3 " + k_target + " accept \"$@\"\n");
    write_script(scratch("slow-criu"), "#!/bin/sh\nfor n in $(seq 1000); do [ -e " + begun + " ] && exec " +
                                           criu().string() + " \"$@\"; sleep 0.01; done\nexit 1\n");
    options.environment["CEDANA_CRIU_PATH"] = scratch("slow-criu");
    const CedanaRun run =
        cedana({"client", "migrate", target.pid_text(), "beta", "--ssh", scratch("ssh"), "-d", store()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_F(Migrate, FreezesNothingWhereTheOtherEndIsNoCedana) {
    const CedanaRun run = migrate("noise");
    EXPECT_EQ(run.exit_code, 12) << run.err;
    EXPECT_TRUE(holds(run.err, "it said 'Welcome"));
    expect_untouched(run);
}

TEST_F(Migrate, LetsTheTreeRunOnUpToTheCommit) {
    for (const auto& [behaviour, code] : {std::pair{"cut-while-copying", 12}, std::pair{"ended-at-once", 11}}) {
        const CedanaRun run = migrate(behaviour);
        EXPECT_EQ(run.exit_code, code) << behaviour << run.err;
        EXPECT_TRUE(holds(run.err, "runs on")) << behaviour;
        expect_untouched(run);
    }
}

// The fake CRIU brings nothing back: what is tried is that it is asked to.
TEST_F(Migrate, BringsTheTreeBackWhenItIsKnownToRunNowhere) {
    for (const char* const behaviour : {"ended-after-go", "cut-before-go"}) {
        Target one({"/bin/sleep", "infinity"});
        fs::create_directory(scratch(behaviour));
        RunningCedana migration(arguments(one, behaviour), options, scratch(behaviour));
        one.wait_end();
        const CedanaRun run = migration.wait();
        EXPECT_NE(run.exit_code, 13) << run.err;
        EXPECT_FALSE(criu_runs("restore").empty()) << behaviour << run.err;
        fs::remove(criu_file("argv"));
    }
}

TEST_F(Migrate, SaysWhereToLookWhenItIsNotKnownWhereItRuns) {
    const CedanaRun run = migrate("unknown-after-go");
    EXPECT_EQ(run.exit_code, 13) << run.err;
    EXPECT_TRUE(holds(run.err, "cedana client receive --status"));
    EXPECT_TRUE(holds(run.err, "cedana client restore"));
    EXPECT_EQ(criu_runs("restore"), std::vector<std::string>());
}

TEST_F(Migrate, LearnsThatItRunsOverAnotherConnection) {
    const CedanaRun run = migrate("cut-after-go");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, "beta 4242\n");
    EXPECT_EQ(criu_runs("restore"), std::vector<std::string>());
}

TEST_F(Migrate, TakesNoOptionOfSshForAHost) {
    const CedanaRun run = cedana({"client", "migrate", target.pid_text(), "-d", store(), "--", "-oProxyCommand=sh"});
    EXPECT_EQ(run.exit_code, 2) << run.err;
    expect_untouched(run);
}

} // namespace
} // namespace cedana::testing
