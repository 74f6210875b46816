// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

using Json = nlohmann::json;

using Find = AnyUser;

TEST_F(Find, ShowsTheProcessThatANameMeans) {
    const Target target(sleeper_at(folder() / "bashful-badger"));
    const CedanaRun run = cedana({"client", "find", "bashful-badger"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(matches(run.out, "[^]*\\* +" + target.pid_text() + " [^]*"));
}

TEST_F(Find, GivesOneJsonObjectOnRequest) {
    const Target target(sleeper_at(folder() / "pensive-puffin"));
    const CedanaRun run = cedana({"client", "find", "pensive-puffin", "--json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const Json json = Json::parse(only_line(run.out));
    EXPECT_EQ(json.at("winner"), target.pid());
    EXPECT_EQ(json.at("candidates").at(0).at("pid"), target.pid());
    EXPECT_EQ(json.at("candidates").at(0).at("score"), 1.0);
}

TEST_F(Find, IsExit3WhenTheNameIsAmbiguousAndShowsTheCandidates) {
    const auto argv = sleeper_at(folder() / "identical-ibis");
    const Target one(argv);
    const Target other(argv);
    const CedanaRun run = cedana({"client", "find", "identical-ibis"});
    EXPECT_EQ(run.exit_code, 3);
    EXPECT_TRUE(holds(run.out, one.pid_text()));
    EXPECT_TRUE(holds(run.out, other.pid_text()));
}

TEST_F(Find, TellsWhatIsExactFromWhatIsSimilar) {
    const Target target(sleeper_at(folder() / "plaintive-plover1"));
    const CedanaRun similar = cedana({"client", "find", "plaintive-plover2"});
    EXPECT_EQ(similar.exit_code, 0) << similar.err;
    EXPECT_TRUE(matches(similar.out, "[^]*\\* +" + target.pid_text() + " +0\\.94 [^]*"));
    EXPECT_TRUE(holds(similar.err, "only similar"));
    const CedanaRun exact = cedana({"client", "find", "Plaintive Plover1"});
    EXPECT_TRUE(matches(exact.out, "[^]*\\* +" + target.pid_text() + " +exact [^]*"));
    EXPECT_EQ(exact.err, "");
}

TEST_F(Find, DoesNotFindTheCommandThatLooks) {
    const CedanaRun run = cedana({"client", "find", "qzxjkvwpfhgq"});
    EXPECT_EQ(run.exit_code, 3);
    EXPECT_TRUE(holds(run.err, "no process is called 'qzxjkvwpfhgq'"));
}

} // namespace
} // namespace cedana::testing
